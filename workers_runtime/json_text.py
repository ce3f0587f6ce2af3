"""JSON from people: read within limits, whatever it is.

Python's reader calls itself for each level, and at the edge thousands of levels end the whole
isolate rather than raise an error. So depth is looked at before.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

MAX_DEPTH = 100
# Never given back, and with the end of the text for its own, if it has none: so each character
# is looked at once.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def read_json(text: str, **how: Any) -> Any:
    """Raises `ValueError` if this is none, or too deep; `how`: as `json.loads` takes it."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    return json.loads(text, **how)


def read_writable_json(text: str) -> Any:
    """The same without NaN and 1e999: Python reads them, and would write them as what nobody
    else can read."""
    return read_json(text, parse_constant=_refuse, parse_float=_finite)


def whole(value: object) -> int | None:
    """A whole number, which JSON may write as 10.0; None if it is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number of JSON")


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} levels")
