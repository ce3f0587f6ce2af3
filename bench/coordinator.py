"""How many reports one Coordinator takes, relative to the rate of a Worker in JavaScript.

A Worker in JavaScript calls the router's own Durable Object, in one workerd. All kinds of requests
are measured in turn, in the same process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.load import Traffic, load
from bench.rows import WORKERS, router
from bench.server import Server
from bench.staging import folder_of, javascript
from router.dev.layout import Layout, SetupError
from router.dev.workerd import WorkerdWorker, literal

WARM_UP_REQUESTS = 4_000
ROUNDS = 5
ROUND_SECONDS = 2.0
PLAIN = "/plain"
KINDS: Mapping[str, str] = {
    "answers itself, in JavaScript": PLAIN,
    "reports of 10 isolates, nothing new": "/sync/10",
    "reports of 1,000 isolates, nothing new": "/sync/1000",
    "reports of 1,000 isolates, all with news": "/news/1000",
}


def workers(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    behind = router(layout, folder)
    of_router = f"(className = {literal('Coordinator')}, serviceName = {literal(behind[0].name)})"
    asker = javascript(layout, "asker", WORKERS / "asker.js")
    return [
        replace(asker, bindings={"COORDINATOR": f"durableObjectNamespace = {of_router}"}),
        *behind,
    ]


def measure_coordinator(layout: Layout) -> dict[str, float]:
    """Return requests per second by kind, as a part of those answered in JavaScript."""
    folder = folder_of(layout, "coordinator")
    rates_by_kind: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with Server(layout, workers(layout, folder), folder) as server:
        server.wait_ready(PLAIN)
        for path in KINDS.values():
            if server.ask(path).status != 200:
                raise SetupError(f"the Coordinator does not answer {path}")
            load(layout, server, Traffic((path,)), amount=WARM_UP_REQUESTS)
        for number in range(ROUNDS):
            for kind in list(KINDS)[:: -1 if number % 2 else 1]:
                traffic = Traffic((KINDS[kind],))
                count = load(layout, server, traffic, seconds=ROUND_SECONDS)
                rates_by_kind[kind].append(count.per_second)
    base = median(rates_by_kind[next(iter(KINDS))])
    return {kind: median(rates) / base for kind, rates in rates_by_kind.items()}
