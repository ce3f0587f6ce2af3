"""What single steps of a request's way cost inside workerd, in microseconds.

Each is repeated in one request, so everything is warm. In a real request the same step
finds the processor's caches full of other code and takes several times as long: this
table says what is dear and what is cheap, not what the sum is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.load import HEADERS, PATH
from bench.rows import TO_BACKEND, backend
from bench.server import Server
from bench.staging import folder_of, python, stage_edge
from router.dev.layout import Layout, SetupError

ENTRY = Path(__file__).with_name("workers") / "steps.py"


def measure_steps(layout: Layout) -> dict[str, float]:
    """By step, the second of two runs."""
    folder = folder_of(layout, "steps")
    stage_edge(layout, folder / "upload", {"entry.py": ENTRY.read_bytes()})
    worker = replace(python(layout, "steps", folder / "upload"), bindings=TO_BACKEND)
    with Server(layout, [worker, backend(layout)], folder) as server:
        server.wait_ready(PATH)
        answer = server.ask(PATH, HEADERS)
    if answer.status != 200:
        raise SetupError(f"the steps cannot be timed: {answer.body[:200]}")
    found: dict[str, float] = json.loads(answer.body)
    return found
