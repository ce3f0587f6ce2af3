"""JSON from people: read within limits, whatever it is.

Python's reader calls itself for each level, and where the agent runs, thousands of levels end
the whole isolate rather than raise an error. So depth is looked at before. It also reads numbers
that JSON does not have, and would write them again for those who cannot read them.
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


def read_json(text: str) -> Any:
    """Raises `ValueError` if this is none, or too deep, or has a number that is not finite."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    return json.loads(text, parse_float=_float, parse_constant=_no_number)


def _float(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number of JSON")


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} levels")
