"""The router with a stop-watch around each step of its decisions.

`/__steps` answers the mean of each in microseconds, and begins anew. The time of a step does not
include the steps that it contains, so the steps add up to the time in Python. JavaScript is not
timed: its clock stands still while a Worker computes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from policies.proxy import sequence
from policies.proxy.attempts import attempts, sending
from policies.proxy.phases import request_filter
from router.edge import entry
from router.edge.coordinator.coordinator import Coordinator  # noqa: F401
from router.edge.entry import on_fetch  # noqa: F401
from router.edge.limiter.limiter import Limiter  # noqa: F401
from router.edge.proxy import driver, repeating

# Where each step is looked up when it is called, in the order of a request's way.
STEPS: dict[str, ModuleType | type] = {
    "parse_request": driver,
    "trace_from": driver,
    "read_target": request_filter,
    "find_rule": request_filter,
    "upstream_peer": sequence,
    "upstream_request_filter": sequence,
    "carried": sending,
    "send_text": driver,
    "record_outcome": attempts,
    "logging": sequence,
    "look": repeating.Repeating,
    "remember": repeating.Repeating,
}
REST = "decide, the rest"
PAGE = "/__steps"

_spent: dict[str, float] = dict.fromkeys((*STEPS, REST), 0.0)
_within = [0.0]  # for each call under way, the time of the steps inside it
_requests = 0


def timed(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """`step`, with its own time counted under `name`."""

    def measured(*args: Any, **named: Any) -> Any:
        _within.append(0.0)
        begun = time.perf_counter()
        try:
            return step(*args, **named)
        finally:
            took = time.perf_counter() - begun
            _spent[name] += took - _within.pop()
            _within[-1] += took

    return measured


def means_us() -> dict[str, float]:
    """Mean microseconds of each step since the last call."""
    global _requests
    means = {name: spent / max(_requests, 1) * 1e6 for name, spent in _spent.items()}
    _spent.update(dict.fromkeys(_spent, 0.0))
    _requests = 0
    return means


class Driver(driver.Driver):
    """The router's driver, with the page `/__steps`."""

    def decide(self, request: str, notes: str, drawn: float) -> str:
        global _requests
        if request.split("\n", 3)[2].endswith(PAGE):
            page = json.dumps(["answer", 0, 200, [], json.dumps(means_us()), False])
            return f"\n0\n\n{page}"
        _requests += 1
        decided: str = _decide(self, request, notes, drawn)
        return decided


_decide = timed(REST, driver.Driver.decide)
for _name, _place in STEPS.items():
    setattr(_place, _name, timed(_name, getattr(_place, _name)))
entry.Driver = Driver  # type: ignore[misc]
