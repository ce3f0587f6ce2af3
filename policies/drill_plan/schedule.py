"""When requests start, and which kind each one is.

An open loop: requests start at a steady rate, whether or not earlier ones have been
answered, as they do when clients know nothing of one another. A loop that waits for
answers would send least when the router is worst, and leave the worst out of its figures
("coordinated omission": Gil Tene, *How NOT to Measure Latency*; the readme of wrk2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.drill_plan.values import Rate


def due_at(rate: Rate, number: int) -> float:
    """When request `number` (from 0) is to start, in seconds since the first one."""
    return number * rate.interval_s


def order(weights: Sequence[float]) -> Iterator[int]:
    """Indices, each as often as its weight says and as evenly as can be, without chance:
    whoever is owed most goes next."""
    total, owed = sum(weights), [0.0] * len(weights)
    while True:
        for index, weight in enumerate(weights):
            owed[index] += weight / total
        chosen = max(range(len(owed)), key=owed.__getitem__)
        owed[chosen] -= 1
        yield chosen
