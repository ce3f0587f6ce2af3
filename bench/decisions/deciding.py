"""Deciding alone, on CPython: microseconds for one decision, at few routes and at many.

A decision is all that happens between the request's URL and headers and the variants to
try: normalising the URL, building the request, matching, splitting, choosing by region.
Requests vary in everything that a cache could remember. The minimum of several runs counts,
since other load on the machine can only add to it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from bench.decisions.policies import REGIONS, compiled, example
from policies.balancing.choose import Forward, read_target
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.proxy.decide import Surroundings, decide

NOW = Surroundings(0.0)
FEW, MANY = 10, 10_000
REQUESTS = 4_000
REPEATS = 15
BROWSER = {
    "accept": "text/html",
    "accept-encoding": "gzip",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "cookie": "session=5f2b8a1e9c4d; theme=dark",
}

Decide = Callable[["Prepared"], Forward | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as the edge reads it, with the route that must match."""

    method: str
    url: str
    headers: dict[str, str]
    client: Client
    route: str


def prepared(routes: int, rng: Random) -> list[Prepared]:
    requests = []
    continents = [*REGIONS.values(), "SA"]
    for number in range(REQUESTS):
        n = rng.randrange(routes)
        sample = example(n)
        headers = {**BROWSER, **sample.headers, "x-worker-id": f"worker-{rng.randrange(10**6)}"}
        client = Client("192.0.2.17", "", "", rng.choice(continents))
        url = f"{sample.url}{'&' if '?' in sample.url else '?'}request={number}"
        requests.append(Prepared(sample.method, url, headers, client, f"route-{n}"))
    return requests


def decider(policy: CompiledPolicy, rng: Random) -> Decide:
    def decided(request: Prepared) -> Forward | None:
        target = read_target(policy, request.url, request.headers)
        if isinstance(target, Problem):
            return None
        request = Request(request.method, target, request.headers, request.client)
        outcome = decide(policy, request, rng, NOW).outcome
        return outcome if isinstance(outcome, Forward) else None

    return decided


def verify(decided: Decide, requests: Sequence[Prepared]) -> None:
    for request in requests:
        outcome = decided(request)
        if outcome is None or outcome.route.name != request.route:
            raise ValueError(f"{request.url} should take {request.route}, not {outcome}")


def seconds(decided: Decide, requests: Sequence[Prepared]) -> float:
    begun = time.perf_counter()
    for request in requests:
        decided(request)
    return time.perf_counter() - begun


def measure_deciding() -> dict[str, float]:
    """Measure few and many routes in turn, so that other load affects both."""
    runs: dict[int, list[float]] = {FEW: [], MANY: []}
    ready = {routes: ready_to_decide(routes) for routes in runs}
    gc.collect()
    gc.freeze()  # otherwise the small policy pays for collecting the large one's objects
    for _ in range(REPEATS):
        for routes, (decided, requests) in ready.items():
            runs[routes].append(seconds(decided, requests) / REQUESTS * 1e6)
    gc.unfreeze()
    return compared(runs[FEW], runs[MANY])


def compared(few: Sequence[float], many: Sequence[float]) -> dict[str, float]:
    """Return the minimum of each, in microseconds, and their ratio."""
    least, other = min(few), min(many)
    return {
        "few_us": round(least, 2),
        "many_us": round(other, 2),
        "ratio": round(other / least, 3),
    }


def ready_to_decide(routes: int) -> tuple[Decide, list[Prepared]]:
    rng = Random(routes)
    decided, requests = decider(compiled(routes), rng), prepared(routes, rng)
    verify(decided, requests)
    return decided, requests
