"""Converts values to the spelling of the language, for hints.

Each function takes the value as written and returns the correct spelling, or None if the
intention is unclear. Numbers are never guessed, only units, case and what surrounds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from policies.basics.durations import duration_ms, duration_text
from workers_runtime.hosts import host_in_ascii

_UNITS = {
    "ms": ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_UNIT = {name: unit for unit, names in _UNITS.items() for name in names}
_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([a-z]+)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*([a-z]*)", re.ASCII)
_SIZES = {"": "B", "b": "B", "byte": "B", "bytes": "B"} | {
    spelled: f"{letter.upper()}iB"
    for letter in "kmg"
    for spelled in (letter, f"{letter}b", f"{letter}i", f"{letter}ib")
}
_SMALLER = {"GiB": "MiB", "MiB": "KiB", "KiB": "B"}
_RATE = re.compile(
    r"([0-9]{1,7})\s*(?:r|reqs?|requests?)?\s*(?:/|per|p(?=[smhd]$))\s*([0-9]*\s*[a-z]+|[0-9]+)",
    re.ASCII,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)


def duration(written: object) -> str | None:
    """`10 sec`, `1.5s`, `PT30S`, `minute`, 30, as `10s`, `1500ms`, `30s`, `1m`, `30s`."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        text = f"{written}s"
    else:
        text = str(written).strip().lower().removeprefix("pt").replace("and", " ")
    if text.isdecimal():
        text = f"{text}s"
    if text in _UNIT:
        text = f"1{text}"
    parts = _DURATION_PART.findall(text)
    if not parts or re.sub(_DURATION_PART, "", text).strip(" ,"):
        return None
    if any(unit not in _UNIT for _, unit in parts):
        return None
    whole = "".join(f"{number}{_UNIT[unit]}" for number, unit in parts)
    if duration_ms(whole) is not None:
        return whole
    total = sum(float(number) * (duration_ms(f"1{_UNIT[unit]}") or 0) for number, unit in parts)
    return duration_text(round(total)) if 1 <= total < 10**12 else None


def size(written: object) -> str | None:
    """`16k`, `10 MB`, `1.5MiB`, 500 as `16KiB`, `10MiB`, `1536KiB`, `500B`."""
    found = _SIZE.fullmatch(str(written).strip().lower())
    unit = _SIZES.get(found[2]) if found else None
    if found is None or unit is None:
        return None
    number = float(found[1])
    while number != int(number) and unit in _SMALLER:
        number, unit = number * 1024, _SMALLER[unit]
    return f"{int(number)}{unit}" if number == int(number) else None


def rate(written: str) -> str | None:
    """`120/min`, `100 per minute`, `5r/s`, `60rpm` as `120/1m`, `100/1m`, `5/1s`, `60/1m`."""
    found = _RATE.fullmatch(written.strip().lower())
    period = duration(found[2].replace(" ", "")) if found else None
    return f"{found[1]}/{period}" if found and period else None


def percentage(written: object) -> str | None:
    """0.2, 20, `20 %`, `20 percent` as `20%`."""
    if isinstance(written, bool):
        return None
    text = re.sub(r"\s*(%|percent|pct)$", "", str(written).strip().lower())
    try:
        number = float(text)
    except ValueError:
        return None
    if not 0 <= number <= 100:
        return None
    is_part = "." in text and number <= 1 and text == str(written).strip()
    return f"{number * 100 if is_part else number:.10g}%"


def weight(written: object) -> float | int | None:
    """`90%`, `"5"` as 90, 5."""
    text = str(written).strip().removesuffix("%").strip()
    if isinstance(written, bool) or not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text):
        return None
    number = float(text)
    return int(number) if number == int(number) else number


def hostname(written: str) -> str | None:
    """`https://a.example.com:8443/x`, `.example.com`, `*example.com` as the name alone."""
    host = re.sub(_URL, "", written.strip().lower(), count=1)
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2]
    host = re.sub(r":[0-9*]*$", "", host).rstrip(".")
    host = re.sub(r"^(\*?\.|\*(?=[a-z0-9]))", "*.", host)
    try:
        return host_in_ascii(host) or None
    except ValueError:
        return None


def origin(written: str) -> str | None:
    """`app.example.com`, `https://app.example.com/` as `https://app.example.com`."""
    text = written.strip().lower()
    scheme, mark, rest = text.partition("://")
    scheme, rest = (scheme, rest) if mark else ("https", text)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{host}" if host else None


def name(written: str) -> str | None:
    """`api v2` as `api-v2`."""
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", written.strip()).strip("._-")
    return text[:63].rstrip("._-") or None


def binding(written: str) -> str | None:
    """`my-worker` as `MY_WORKER`."""
    text = re.sub(r"[^A-Za-z0-9_]+", "_", written.strip()).strip("_").upper()
    return text[:63] if text[:1].isalpha() else None


def one_of(written: object, allowed: Iterable[str]) -> str | None:
    """Return the intended word: `Strict`, `api-key` as `strict`, `api_key`."""
    words = {_bare(word): word for word in allowed}
    text = _bare(str(written)[:80])
    if text in words:
        return words[text]
    nearest = get_close_matches(text, words, n=1, cutoff=0.75)
    return words[nearest[0]] if nearest else None


def _bare(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.lower())


def truth(written: object) -> bool | None:
    """`yes`, `on`, 1 as true."""
    text = str(written).strip().lower()
    if text in ("yes", "y", "on", "true", "1", "enabled", "enable"):
        return True
    return False if text in ("no", "n", "off", "false", "0", "disabled", "disable") else None


def words(written: str) -> list[str]:
    """`GET, POST`, `GET|POST` as two."""
    return [word for word in re.split(r"[\s,;|]+", written.strip()) if word] or [written]
