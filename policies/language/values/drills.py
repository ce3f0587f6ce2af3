"""The scalar values of the section `drills`: modes, durations, schedules; see `values.py`."""

from __future__ import annotations

from typing import Any

from policies.basics.durations import duration_text
from policies.basics.schedule import NotASchedule, check_schedule
from policies.language.values import respelled
from policies.language.values.values import (
    DURATION_SCHEMA,
    as_type,
    how_to_write,
    problem,
    read_duration,
    read_text,
)
from policies.resilience.drill import (
    HOW_TO_WRITE_A_MODE,
    MAX_MS,
    MIN_MS,
    MODE_PATTERN,
    Fault,
    NotAMode,
    fault_from,
)

HOW_TO_SCHEDULE = "write five cron fields, in UTC: `0 10 * * 1` is each Monday at 10:00"


def read_mode(value: object) -> Fault:
    try:
        return fault_from(read_text(value, "a mode", "`down`"))
    except NotAMode as error:
        meant = _meant_mode(str(value)[:80])
        raise problem("bad-mode", str(error), how_to_write(meant, HOW_TO_WRITE_A_MODE)) from None


def _meant_mode(text: str) -> str | None:
    """`errors:0.3`, `latency=2` as `errors:30%`, `latency:2s`."""
    word, _, rest = text.replace("=", ":").partition(":")
    kind = respelled.one_of(word, ("down", "errors", "latency"))
    if kind == "down":
        return kind
    values = {"errors": respelled.percentage, "latency": respelled.duration}
    value = values[kind](rest.strip()) if kind else None
    return f"{kind}:{value}" if value and is_mode(f"{kind}:{value}") else None


def is_mode(text: str) -> bool:
    try:
        fault_from(text)
    except NotAMode:
        return False
    return True


def read_drill_time(value: object) -> int:
    """Return the duration of a drill, in milliseconds."""
    milliseconds = read_duration(value)
    if not MIN_MS <= milliseconds <= MAX_MS:
        hint = f"write {duration_text(MIN_MS)} to {duration_text(MAX_MS)}"
        raise problem("bad-duration", f"a drill cannot be {duration_text(milliseconds)} long", hint)
    return milliseconds


def read_schedule(value: object) -> str:
    text = read_text(value, "a schedule", '`"0 10 * * 1"`')
    try:
        check_schedule(text)
    except NotASchedule as error:
        message = f"`{text[:80]}` is not a schedule: {error}"
        raise problem("bad-schedule", message, HOW_TO_SCHEDULE) from None
    return text


Mode = as_type(read_mode, {"type": "string", "pattern": f"^(?:{MODE_PATTERN})$"}, Any)
DrillTime = as_type(read_drill_time, DURATION_SCHEMA, int)
Schedule = as_type(read_schedule, {"type": "string", "pattern": r"^\S+(\s+\S+){4}$"})
