"""The parameters of a statement: values that both JSON and SQLite can represent.

`{"base64": …}` is bytes. Values cross JavaScript, whose integers are exact up to 2**53: larger ones
are refused, since they would be rounded silently.
"""

from __future__ import annotations

import math
import re

from agent.core.refused import Refused

SqlValue = None | int | float | str | dict[str, str]  # the last: {"base64": …}
MAX_PARAMS = 100  # of D1
MAX_TIMES = 100  # how often a statement is run, with other values
LARGEST = 2**53
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_HALF = re.compile("[\ud800-\udfff]")


def checked_params(params: object, reads: bool) -> list[list[SqlValue]]:
    """The values of each run: several runs for a list of lists, else one. Raises `Refused`."""
    if not isinstance(params, list):
        raise Refused("`params` is a list of values, or a list of such lists")
    if not any(isinstance(param, list) for param in params):
        return [_values(params, "params")]
    if reads:
        raise Refused("several lists of `params` are for statements that change something")
    if len(params) > MAX_TIMES:
        raise Refused(f"`params` has {len(params):,} lists, and {MAX_TIMES} are allowed")
    return [_values(param, f"params[{at}]") for at, param in enumerate(params)]


def _values(values: object, name: str) -> list[SqlValue]:
    if not isinstance(values, list):
        raise Refused(f"`{name}` is no list, though others of `params` are")
    if len(values) > MAX_PARAMS:
        raise Refused(f"`{name}` has {len(values):,} values, and {MAX_PARAMS} are allowed")
    return [_value(value, f"{name}[{at}]") for at, value in enumerate(values)]


def _value(value: object, name: str) -> SqlValue:
    if value is None or isinstance(value, bool):
        return value if value is None else int(value)
    if isinstance(value, int):
        return _whole(value, name)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and not _HALF.search(value):
        return value
    if isinstance(value, dict) and list(value) == ["base64"]:
        text = value["base64"]
        if isinstance(text, str) and BASE64.fullmatch(text):
            return {"base64": text}
    raise Refused(
        f'`{name}` is no value of SQL: null, true, false, a number, text or {{"base64": …}}'
    )


def _whole(value: int, name: str) -> int:
    if abs(value) > LARGEST:
        raise Refused(f"`{name}` is beyond 2**53; pass it as text, and CAST(? AS INTEGER)")
    return value
