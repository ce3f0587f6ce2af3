"""The scalar values of the section `health`; see `values.py`."""

from __future__ import annotations

import re
from typing import Any

from policies.language.values.values import as_type, how_to_write, problem, read_text

_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.ASCII)
_CLASS = re.compile(r"[1-5][xX*]{2}", re.ASCII)
_PATH = re.compile(r"/[!-\"$-~]{0,1023}", re.ASCII)
_HOW = "write `200`, `200-399`, or a list: `[200, 300-399]`"

Range = tuple[int, int]


def read_ranges(value: object) -> tuple[Range, ...]:
    """Return status codes and ranges as ranges."""
    if value == []:
        raise problem("empty", "no response would count as success", _HOW)
    return tuple(_read_range(entry) for entry in (value if isinstance(value, list) else [value]))


def _read_range(value: object) -> Range:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    found = _RANGE.fullmatch(text) if isinstance(text, str) else None
    if not found:
        hint = (
            f"write `{str(value)[0]}00-{str(value)[0]}99`" if _CLASS.fullmatch(str(value)) else _HOW
        )
        raise problem("bad-value", f"`{str(value)[:80]}` is not a range of status codes", hint)
    low, high = int(found[1]), int(found[2] or found[1])
    if high < low:
        raise problem("out-of-range", f"the range {low}-{high} is empty", _HOW)
    return low, high


def read_probe_path(value: object) -> str:
    """Return a path, which may have a query."""
    text = read_text(value, "a path", "`/health`")
    if not _PATH.fullmatch(text):
        raise problem(
            "bad-path",
            f"`{text[:80]}` cannot be requested",
            how_to_write(_meant(text), "write `/health`"),
        )
    return text


def _meant(text: str) -> str | None:
    """Return the text with a slash before it, or the path of a URL; None if neither is a path."""
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
