"""Memory of one router process under load: its resident size must stop growing.

JavaScript objects that Python holds are freed only when Python releases them, so a router with a
leak grows with every request. The runtime frees memory lazily, that of a bare forwarder as well, so
medians of several samples are compared.
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
    """Return the growth from the first samples that must be stable to the last ones: the ratio of
    their medians, less 1."""
    sizes = [sample.resident_mb for sample in samples if sample.requests >= LEVEL_FROM]
    return median(sizes[-SAMPLES:]) / median(sizes[:SAMPLES]) - 1
