"""What a response says about caching: whether it may be stored, and how long it is fresh.

1. The first targeted header with a valid value decides alone (RFC 9213, section 2.2); without one,
   `Cache-Control` and `Expires` do (RFC 9111, section 4.2.1).
2. A malformed number counts as 0; of several that differ, the least counts.
3. Without `Date`, the response is as old as `Age` says (section 4.2.3), and `Expires` counts from
   the time when it was received.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from policies.http.http_values import date_ms, seconds

Directives = list[tuple[str, str]]  # names in lower case; "" for no value

_DIRECTIVE = re.compile(r'([a-z-]+)(?:=(?:"([^"]*)"|([^\s,;"]*)))?', re.ASCII)
# A Dictionary of structured fields (RFC 9651, section 3.2).
_KEY = r"[a-z*][a-z0-9_.*-]*"
_BARE = (
    r"(?:-?[0-9]{1,12}\.[0-9]{1,3}|@?-?[0-9]{1,15}|\?[01]|:[A-Za-z0-9+/=]*:"
    r'|%?"(?:[ !#-\[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&\'*+.^_`|~0-9A-Za-z:/-]*)'
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_INNER_LIST = rf"\( *(?:{_BARE}{_PARAMETERS}(?: +{_BARE}{_PARAMETERS})* *)?\)"
_MEMBER = rf"{_KEY}(?:=(?:{_BARE}|{_INNER_LIST}))?{_PARAMETERS}"
_DICTIONARY = re.compile(rf"{_MEMBER}(?:[ \t]*,[ \t]*{_MEMBER})*", re.ASCII)
_ONE_MEMBER = re.compile(rf"({_KEY})(?:=({_BARE}|{_INNER_LIST}))?{_PARAMETERS}", re.ASCII)
_NO_STRUCTURED_NUMBER = "-"  # for values of other types, which are no seconds

_FORBIDDING = frozenset({"no-store", "private", "no-cache", "no-store-remote"})
_REVALIDATING = frozenset({"must-revalidate", "proxy-revalidate"})


class Freshness(NamedTuple):
    """`fresh_ms`: how long it is fresh, None if not stated; `age_ms`: how old it already is;
    `revalidate`: it must not be used stale."""

    forbidden: bool
    fresh_ms: float | None
    age_ms: float
    revalidate: bool


def said_by(headers: Mapping[str, str], now_ms: float) -> Freshness:
    """Return what a response with these headers says, received at `now_ms`."""
    date = date_ms(headers.get("date", ""))
    targeted = _targeted(headers)
    directives = _plain(headers.get("cache-control", "")) if targeted is None else targeted
    names = {name for name, _ in directives}
    fresh_ms = _stated_ms(directives)
    if fresh_ms is None and targeted is None and "expires" in headers:
        until = date_ms(headers["expires"])  # malformed dates such as `0` count as expired
        fresh_ms = 0 if until is None else until - (now_ms if date is None else date)
    age_ms = 1000.0 * (seconds(headers.get("age", "").partition(",")[0]) or 0)
    if date is not None:
        age_ms = max(age_ms, (now_ms - date) // 1000 * 1000)
    return Freshness(bool(names & _FORBIDDING), fresh_ms, age_ms, bool(names & _REVALIDATING))


def _targeted(headers: Mapping[str, str]) -> Directives | None:
    """Return the directives of the first header for this kind of cache that has any."""
    for name, read in _TARGETED.items():
        directives = read(headers[name]) if name in headers else None
        if directives is not None:
            return directives
    return None


def _structured(text: str) -> Directives | None:
    """Return the directives of a dictionary; None for anything else, which is ignored (RFC 9213,
    section 2.1)."""
    text = text.strip(" ")
    if not _DICTIONARY.fullmatch(text):
        return None
    members = {match[1]: match[2] for match in _ONE_MEMBER.finditer(text)}
    # `no-store=?0` and the like is none of the values that the directive can have.
    return [(name, _number(value or "")) for name, value in members.items() if value != "?0"]


def _number(value: str) -> str:
    return value if not value or value.isdecimal() else _NO_STRUCTURED_NUMBER


def _surrogate(text: str) -> Directives | None:
    """Return the directives of `Surrogate-Control`; `max-age=60+30`: fresh for 60 s, and then stale
    for 30 (W3C's Edge Architecture)."""
    return [(name, value.partition("+")[0]) for name, value in _plain(text)] or None


def _plain(text: str) -> Directives:
    """Return the directives of `Cache-Control` (RFC 9111, section 5.2)."""
    return [(match[1], match[2] or match[3] or "") for match in _DIRECTIVE.finditer(text.lower())]


# In the order of Cloudflare's; `Surrogate-Control` is what came before them.
_TARGETED: Mapping[str, Callable[[str], Directives | None]] = {
    "cloudflare-cdn-cache-control": _structured,
    "cdn-cache-control": _structured,
    "surrogate-control": _surrogate,
}


def _stated_ms(directives: Directives) -> float | None:
    """Return the stated freshness; `s-maxage`, for shared caches, goes before `max-age`."""
    for wanted in ("s-maxage", "max-age"):
        stated = [seconds(value) or 0 for name, value in directives if name == wanted]
        if stated:
            return 1000 * min(stated)
    return None
