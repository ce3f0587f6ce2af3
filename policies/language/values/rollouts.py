"""The scalar values of the section `rollouts`: weights, intervals, windows."""

from __future__ import annotations

from policies.basics.durations import duration_text
from policies.language.values.failover import read_share
from policies.language.values.values import DURATION_SCHEMA, as_type, problem, read_duration

MIN_INTERVAL_MS = 5_000  # the interval at which isolates report
MAX_INTERVAL_MS = 24 * 3_600_000
MIN_WINDOW_MS, MAX_WINDOW_MS = 60_000, 7 * 24 * 3_600_000
LEAST_WEIGHT = 0.001


def read_step_weight(value: object) -> float:
    """Return the percentage; `5` and `5%` are 5."""
    if isinstance(value, str):
        value = round(read_share(value) * 100, 9)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise problem("bad-weight", f"`{str(value)[:80]}` is not a number", "write `5` for 5 %")
    if not LEAST_WEIGHT <= value <= 100:
        hint = f"write {LEAST_WEIGHT} to 100: a percentage of the traffic of both pools together"
        raise problem("bad-weight", f"a weight of {value} is out of range", hint)
    return int(value) if value == int(value) else float(value)


def read_mirror_share(value: object) -> float:
    share = read_share(value)
    if share == 0:
        raise problem("out-of-range", "nothing would be mirrored", "write `1%` or more")
    return share


def read_interval(value: object) -> int:
    return _between(read_duration(value), MIN_INTERVAL_MS, MAX_INTERVAL_MS, "an interval")


def read_window(value: object) -> int:
    return _between(read_duration(value), MIN_WINDOW_MS, MAX_WINDOW_MS, "a window")


def _between(milliseconds: int, least: int, most: int, what: str) -> int:
    if not least <= milliseconds <= most:
        hint = f"write {duration_text(least)} to {duration_text(most)}"
        message = f"{what} cannot be {duration_text(milliseconds)} long"
        raise problem("bad-duration", message, hint)
    return milliseconds


_NUMBER = {"type": "number", "minimum": LEAST_WEIGHT, "maximum": 100}
_PERCENTAGE = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}
StepWeight = as_type(read_step_weight, {"anyOf": [_NUMBER, _PERCENTAGE]}, float)
MirrorShare = as_type(read_mirror_share, _PERCENTAGE, float)
Interval = as_type(read_interval, DURATION_SCHEMA, int)
WindowTime = as_type(read_window, DURATION_SCHEMA, int)
