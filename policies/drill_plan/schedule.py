"""When requests start, and the kind of each.

The load is an open loop: requests start at a steady rate, whether or not earlier ones have been
answered, like independent clients. A closed loop would send least when the router is slowest,
and so hide the worst latencies ("coordinated omission": Gil Tene, *How NOT to Measure Latency*;
the readme of wrk2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.drill_plan.values import TrafficRate


def due_at(rate: TrafficRate, number: int) -> float:
    """Return when request `number` (from 0) is due, in seconds since the first one."""
    return number * rate.interval_s


def order(weights: Sequence[float]) -> Iterator[int]:
    """Yield indices in proportion to their weights, as evenly as possible and deterministically:
    the one that is furthest behind is next."""
    total, owed = sum(weights), [0.0] * len(weights)
    while True:
        for index, weight in enumerate(weights):
            owed[index] += weight / total
        chosen = max(range(len(owed)), key=owed.__getitem__)
        owed[chosen] -= 1
        yield chosen
