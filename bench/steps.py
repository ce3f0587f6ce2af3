"""The time of each step of a request, in real requests, in microseconds.

Between two requests the processor's caches fill with other code, so a step takes several
times as long here as when it is repeated by itself. What JavaScript does, and the time that the
variant takes to answer, is left out.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.load import load
from bench.rows import router_deciding
from bench.server import Server
from bench.staging import folder_of
from bench.throughput import WARM_UP_REQUESTS
from router.dev.layout import Layout, SetupError

ENTRY = Path(__file__).with_name("workers") / "steps.py"
REQUESTS = 12_000


def measure_steps(layout: Layout) -> dict[str, float]:
    """Return the times by step, in the order of a request."""
    folder = folder_of(layout, "steps")
    workers = router_deciding(layout, folder, more={"entry.py": ENTRY.read_bytes()})
    with Server(layout, workers, folder) as server:
        server.wait_ready()
        load(layout, server, amount=WARM_UP_REQUESTS)
        server.ask("/__steps")
        load(layout, server, amount=REQUESTS)
        answer = server.ask("/__steps")
    if answer.status != 200:
        raise SetupError(f"the steps cannot be timed: {answer.body[:200]}")
    times: dict[str, float] = json.loads(answer.body)
    return times
