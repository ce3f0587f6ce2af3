"""The scalar values of the section `health`; see `values.py`."""

from __future__ import annotations

import re
from typing import Any

from policies.language.values import as_type, how_to_write, problem, read_text

_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.ASCII)
_CLASS = re.compile(r"[1-5][xX*]{2}", re.ASCII)
_PATH = re.compile(r"/[!-\"$-~]{0,1023}", re.ASCII)
_HOW = "write `200`, `200-399`, or a list: `[200, 300-399]`"

Range = tuple[int, int]


def read_ranges(value: object) -> tuple[Range, ...]:
    """Status codes and ranges of them, as ranges."""
    if value == []:
        raise problem("empty", "no answer would be good", _HOW)
    return tuple(_read_range(each) for each in (value if isinstance(value, list) else [value]))


def _read_range(value: object) -> Range:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _RANGE.fullmatch(text) if isinstance(text, str) else None
    if not found:
        hint = (
            f"write `{str(value)[0]}00-{str(value)[0]}99`" if _CLASS.fullmatch(str(value)) else _HOW
        )
        raise problem("bad-value", f"`{str(value)[:80]}` is no range of status codes", hint)
    low, high = int(found[1]), int(found[2] or found[1])
    if high < low:
        raise problem("out-of-range", f"the range {low}-{high} is empty", _HOW)
    return low, high


def read_probe_path(value: object) -> str:
    """A path, with a query if need be."""
    text = read_text(value, "a path", "`/health`")
    if not _PATH.fullmatch(text):
        raise problem(
            "bad-path",
            f"`{text[:80]}` cannot be asked for",
            how_to_write(_meant(text), "write `/health`"),
        )
    return text


def _meant(text: str) -> str | None:
    """With the slash, or without what stands before the path of a URL."""
    _, mark, rest = text[:1_000].partition("://")
    path = f"/{rest.partition('/')[2]}" if mark else f"/{text[:1_000]}"
    return path if _PATH.fullmatch(path) else None


_ONE = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": f"^{_RANGE.pattern}$"},
    ]
}
StatusRanges = as_type(
    read_ranges, {"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "minItems": 1}]}, Any
)
ProbePath = as_type(read_probe_path, {"type": "string", "pattern": "^/"})
