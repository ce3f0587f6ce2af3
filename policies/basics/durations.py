"""Durations as text: `500ms`, `10s`, `5m`, `1h30m`, `30d`."""

from __future__ import annotations

import re

PATTERN = "(?:[0-9]{1,9}(?:ms|s|m|h|d)){1,5}"
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_WHOLE = re.compile(PATTERN, re.ASCII)
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d)", re.ASCII)


def duration_ms(text: str) -> int | None:
    """Return milliseconds; None if the text is malformed."""
    if not _WHOLE.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def duration_text(milliseconds: int) -> str:
    """Return `1h30m` for 5400000. Days are written as hours."""
    text = ""
    for unit in ("h", "m", "s", "ms"):
        number, milliseconds = divmod(milliseconds, _UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"
