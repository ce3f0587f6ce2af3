"""The scalar values of a plan that routes.yaml has not: a rate, a request's target, a header;
see `policies/language/values/values.py`."""

from __future__ import annotations

import re
from typing import NamedTuple

from policies.basics.durations import PATTERN as DURATION
from policies.drill_plan.numbering import unreadable
from policies.language.values.limits import read_limit
from policies.language.values.values import as_type, problem, read_field_value, read_text

MAX_RATE = 1_000  # requests per second; a drill is not a benchmark
_TARGET = re.compile(r"/[!-\"$-~]*", re.ASCII)  # RFC 9112, section 3.2.1; no fragment
# Headers of the connection, or with a field of their own.
_NOT_HEADERS = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_HOW = "write a number and a period: `40/1s`"


class TrafficRate(NamedTuple):
    requests: int
    per_ms: int

    @property
    def interval_s(self) -> float:
        return self.per_ms / 1000 / self.requests


def read_rate(value: object) -> TrafficRate:
    """Return the rate that `40/1s` stands for."""
    count, per_ms = read_limit(value)
    if per_ms is None:
        raise problem("bad-rate", f"`{value}` has no period", _HOW)
    if count * 1000 > MAX_RATE * per_ms:
        message = f"`{value}` is more than {MAX_RATE:,} requests per second"
        raise problem("out-of-range", message, f"write `{MAX_RATE}/1s` or less")
    return TrafficRate(count, per_ms)


def read_target(value: object) -> str:
    """Return a path, which may have a query; it is sent as written."""
    text = read_text(value, "a path", "`/health`")
    if not _TARGET.fullmatch(text):
        hint = "start with `/`, and percent-encode non-ASCII characters"
        raise problem("bad-path", f"`{text[:80]}` cannot be requested", hint)
    if text.startswith("/.router/"):
        hint = "request a path that the variants serve"
        raise problem("reserved-path", f"`{text[:80]}` is reserved for the router", hint)
    return text


def read_header(value: object) -> str:
    """Return a header's value; `{n}` is the number of the request, `{n%60}` its remainder."""
    text = read_field_value(value)
    if odd := unreadable(text):
        hint = "write `{n}`, or a number from 1 to 9999999 after the `%`: `{n%60}`"
        raise problem(
            "bad-header", f"`{odd[:80]}` is not a placeholder for a request's number", hint
        )
    if not text.isascii():
        hint = "write ASCII"
        raise problem("bad-header", "the value has characters outside ASCII", hint)
    return text


def refuse_header(name: str) -> None:
    if name.lower() in _NOT_HEADERS:
        hint = "leave it out" if name.lower() != "host" else "use the request's field `host`"
        raise problem("bad-header", f"`{name}` cannot be set here", hint)


RequestRate = as_type(
    read_rate, {"type": "string", "pattern": f"^[0-9]{{1,7}}/{DURATION}$"}, TrafficRate
)
RequestTarget = as_type(read_target, {"type": "string", "pattern": "^/"})
HeaderText = as_type(read_header, {"type": "string"})
