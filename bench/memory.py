"""Memory of one router process under load: its resident size must stop growing.

JavaScript objects that Python holds are freed only when Python lets go of them, so a
router that forgets to would grow with every request. The runtime frees lazily, a bare forwarder's
process, too: so what is compared are medians of several samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bench.load import load
from bench.rows import Row
from bench.server import Server
from bench.staging import folder_of
from bench.throughput import check
from router.dev.layout import Layout

REQUESTS = 250_000
SAMPLE_EVERY = 10_000
LEVEL_FROM = 100_000
SAMPLES = 5  # at either end
MAY_GROW = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    requests: int
    resident_mb: float


def measure_memory(layout: Layout, row: Row) -> list[Sample]:
    """Return the row's resident size after every ten thousand requests."""
    folder = folder_of(layout, f"memory-{row.name}")
    samples = []
    with Server(layout, row.workers(layout, folder), folder) as server:
        server.wait_ready()
        check(row, server)
        for requests in range(SAMPLE_EVERY, REQUESTS + 1, SAMPLE_EVERY):
            sent = requests - SAMPLE_EVERY
            load(layout, server, row.traffic, amount=SAMPLE_EVERY, first=sent)
            samples.append(Sample(requests, server.resident_bytes / 1e6))
            print(f"{requests:>9,} {samples[-1].resident_mb:>9.1f} MB", flush=True)
    return samples


def growth(samples: list[Sample]) -> float:
    """Return the growth from the samples at which it must be stable to the last ones, as a fraction
    of the medians of both."""
    sizes = [each.resident_mb for each in samples if each.requests >= LEVEL_FROM]
    return median(sizes[-SAMPLES:]) / median(sizes[:SAMPLES]) - 1
