"""The scalar values of rate limits: rates, and what requests are counted by (`values.py`)."""

from __future__ import annotations

import re
from typing import Any

from policies.basics.durations import duration_ms
from policies.language.values import respelled
from policies.language.values.values import (
    DURATION_SCHEMA,
    as_type,
    how_to_write,
    problem,
    read_duration,
    read_text,
)

MAX_REQUESTS = 1_000_000
MIN_PERIOD_MS = 1_000  # clients are told whole seconds

_RATE = re.compile(r"([0-9]{1,7})/([0-9a-z]+)", re.ASCII)
_BY = re.compile(r"ip|api_key|route|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)
_HOW = "write `100/1m`, or `limit: 100` with `per: 1m`"


def read_limit(value: object) -> tuple[int, int | None]:
    """Return the number of requests, and the period in milliseconds, or None if not given."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1e3
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(value), None
    if not isinstance(value, str):
        raise problem("bad-rate", "this is not a number of requests", _HOW)
    rate = _RATE.fullmatch(value)
    if not rate:
        raise problem(
            "bad-rate",
            f"`{value[:80]}` is not a rate",
            how_to_write(respelled.rate(value[:80]), _HOW),
        )
    meant = respelled.rate(value[:80])
    if meant and duration_ms(rate[2]) is None:
        message = f"`{rate[2][:80]}` is not a duration"
        raise problem("bad-duration", message, how_to_write(meant, _HOW))
    return _number(int(rate[1])), read_period(rate[2])


def _number(count: int) -> int:
    if not 1 <= count <= MAX_REQUESTS:
        hint = f"write 1 to {MAX_REQUESTS:,} requests; to refuse all requests, use `respond`"
        raise problem("bad-rate", f"a limit of {count} requests is out of range", hint)
    return count


def read_period(value: object) -> int:
    """Return the period of a rate, in milliseconds."""
    period = read_duration(value)
    if period < MIN_PERIOD_MS:
        hint = "write the rate per second, and `burst` for how many may come at once"
        raise problem("bad-rate", "a period is at least a second", hint)
    return period


def read_by(value: object) -> str:
    text = read_text(value, "what requests are counted by", "`ip`")
    if not _BY.fullmatch(text):
        hint = "write `ip`, `api_key`, `route` or `header:<name>`"
        kind, mark, name = text[:300].partition("=" if "=" in text else ":")
        other = respelled.one_of(text, ("ip", "api_key", "route"))
        other = f"header:{name.strip()}" if mark and kind.strip().lower() == "header" else other
        hint = how_to_write(other, hint) if other and _BY.fullmatch(other) else hint
        raise problem("unknown-value", f"requests cannot be counted by `{text[:80]}`", hint)
    return text.lower()


Limit = as_type(
    read_limit,
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_REQUESTS},
            {"type": "string", "pattern": f"^{_RATE.pattern}$"},
        ]
    },
    Any,
)
Period = as_type(read_period, DURATION_SCHEMA, int)
By = as_type(read_by, {"type": "string", "pattern": f"^(?:{_BY.pattern})$"})
