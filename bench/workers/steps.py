"""The router with a stop-watch around each step of a request's way.

`/__steps` tells the mean of each in microseconds, and begins anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import js

from router.edge import attempts, bridge, entry, errand, forwarding, pipeline
from router.edge.coordinator import Coordinator  # noqa: F401
from router.edge.limiter import Limiter  # noqa: F401

# Where each step is looked up when it is called. `waiting` is the variant's own time.
STEPS = {
    "read": pipeline,
    "trace_of": pipeline,
    "read_target": pipeline,
    "find_rule": pipeline,
    "choose_variants": pipeline,
    "outgoing": errand,
    "attempt": attempts,
    "run_sync": bridge,
    "answer_changes": forwarding,
    "answer_with": forwarding,
}
_spent = dict.fromkeys(STEPS, 0.0)
_requests = 0


def timed(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    def measured(*args: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return step(*args, **named)
        finally:
            _spent[name] += time.perf_counter() - begun

    return measured


for _name, _place in STEPS.items():
    setattr(_place, _name, timed(_name, getattr(_place, _name)))


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    global _requests
    if request.url.endswith("/__steps"):
        return js.Response.new(json.dumps(told()))
    _requests += 1
    return entry.on_fetch(request, env, ctx)


def told() -> dict[str, float]:
    global _requests
    means = {name: spent / max(_requests, 1) * 1e6 for name, spent in _spent.items()}
    means["attempt"] -= means.pop("run_sync")  # what the variant and the runtime take
    _spent.update(dict.fromkeys(_spent, 0.0))
    _requests = 0
    return means
