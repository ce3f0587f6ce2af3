"""The scalar values of the section `failover`: retry conditions and percentages."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticCustomError

from policies.language.values import respelled
from policies.language.values.values import (
    DURATION_SCHEMA,
    as_type,
    how_to_write,
    problem,
    read_duration,
)

MAX_GROWTH = 100.0  # a hundred times more

_WORDS = ("connect", "timeout")
BY_LATENCY = "p95"
NO_BUDGET = "none"


def read_condition(value: object) -> str | int:
    """Return `connect`, `timeout`, or the status code of a response."""
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599
    if value not in _WORDS and not is_status:
        message = f"`{str(value)[:80]}` is not a retry condition"
        hint = "write `connect`, `timeout`, or a status code from 400 to 599"
        hint = how_to_write(_meant_condition(str(value)[:80]), hint)
        raise problem("unknown-value", message, hint)
    return value  # type: ignore[return-value]


def _meant_condition(text: str) -> str | int | None:
    if text.isascii() and text.isdecimal():
        return int(text) if 400 <= int(text) <= 599 else None
    return respelled.one_of(text.partition("-")[0], _WORDS)


def read_share(value: object) -> float:
    """`20%` as 0.2."""
    return _read_percentage(value, 1)


def read_retry_budget(value: object) -> float | str:
    """`20%` as 0.2, or `none`."""
    if value == NO_BUDGET:
        return NO_BUDGET
    try:
        return read_share(value)
    except PydanticCustomError as error:
        hint = f"write a percentage such as `20%`, or `{NO_BUDGET}` for no limit"
        raise problem(error.type, error.message(), hint) from error


def read_growth(value: object) -> float:
    """`50%` as 0.5, `150%` as 1.5."""
    return _read_percentage(value, MAX_GROWTH)


def _read_percentage(value: object, most: float) -> float:
    text = value if isinstance(value, str) else ""
    number = text.removesuffix("%")
    if not text.endswith("%") or not number.replace(".", "", 1).isdecimal():
        shown = str(value)[:80]
        how = "write a number and `%`: `20%`"
        hint = how_to_write(respelled.percentage(shown), how, "(a number and `%`, as in `20%`)")
        raise problem("bad-value", f"`{shown}` is not a percentage", hint)
    share = float(number) / 100
    if share > most:
        what = "all" if most == 1 else f"{most * 100:,.0f} %"
        hint = f"write `{most:.0%}` or less"
        raise problem("out-of-range", f"`{text[:80]}` is more than {what}", hint)
    return share


def read_hedge(value: object) -> int | str:
    """`p95`, or a duration."""
    if value == BY_LATENCY:
        return BY_LATENCY
    try:
        wait = read_duration(value)
    except PydanticCustomError as error:
        hint = f"write `{BY_LATENCY}`, or a duration such as `200ms`"
        hint = how_to_write(respelled.duration(str(value)[:80]), hint)
        raise problem(error.type, error.message(), hint) from error
    if wait == 0:
        hint = "write a longer time, or leave out `hedge`"
        raise problem("out-of-range", "every request would be sent twice", hint)
    return wait


_PERCENTAGE = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}
Condition = as_type(read_condition, {"enum": [*_WORDS, *range(400, 600)]}, Any)
Percentage = as_type(read_share, _PERCENTAGE, float)
RetryBudget = as_type(read_retry_budget, {"anyOf": [{"const": NO_BUDGET}, _PERCENTAGE]}, Any)
Growth = as_type(read_growth, _PERCENTAGE, float)
Hedge = as_type(read_hedge, {"anyOf": [{"const": BY_LATENCY}, DURATION_SCHEMA]}, Any)
