"""Reads JSON of clients within limits.

Python's reader recurses for each level, and at the edge thousands of levels end the whole isolate
instead of raising an error. So the depth is checked before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn, TypeAlias

# JSON whose shape is checked where it is read.
Parsed: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
JsonMapping: TypeAlias = Mapping[str, Any]

MAX_DEPTH = 100
# Possessive, and an open string ends with the text: so each character is looked at once.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def read_json(text: str, **how: Any) -> Parsed:
    """Return the value. Raises `ValueError` if the text is no JSON, or too deep.

    `how`: arguments of `json.loads`.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    return json.loads(text, **how)


def read_writable_json(text: str) -> Parsed:
    """Return the value. NaN and 1e999 raise `ValueError`, too: Python reads them, and would write
    what is no JSON."""
    return read_json(text, parse_constant=_refuse, parse_float=_finite)


def whole(value: object) -> int | None:
    """Return a whole number, which JSON may write as 10.0; None for anything else."""
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
