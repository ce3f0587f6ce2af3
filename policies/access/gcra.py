"""The generic cell rate algorithm, by virtual scheduling (ITU-T I.371, annex A).

A bucket is one number, its theoretical arrival time (TAT): when the requests that it has
let through would have come had they kept to the rate. A request passes if the TAT with it
is at most `burst` requests ahead of the clock. So in any span of t ms at most
burst + t * requests / per_ms requests pass.

Times within a bucket are *ticks*, whole numbers: a millisecond has `requests` of them, so a
request takes `per_ms`, and nothing is ever rounded. The clock is passed in, in whole ms.
"""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """`requests` requests per `per_ms` milliseconds, and at most `burst` of them at once."""

    requests: int
    per_ms: int
    burst: int

    @property
    def span(self) -> int:
        """How far the TAT may be ahead of the clock, in ticks."""
        return self.burst * self.per_ms


def spare(rate: Rate, tat: int, at_ms: int, now_ms: int) -> int:
    """Return how many requests could pass now, if they may come as late as `at_ms`."""
    ahead = max(tat, at_ms * rate.requests) - now_ms * rate.requests
    return max(0, (rate.span - ahead) // rate.per_ms)


def charged(rate: Rate, tat: int, at_ms: int, number: int) -> int:
    """Return the TAT after `number` more requests, which come at `at_ms` at the latest."""
    return max(tat, at_ms * rate.requests) + number * rate.per_ms


def wait_ms(rate: Rate, tat: int, now_ms: int, number: int) -> int:
    """Return the time until `number` requests could pass; 0 if they can."""
    ready = tat + number * rate.per_ms - rate.span
    return max(0, -(-ready // rate.requests) - now_ms)


def full_ms(rate: Rate, tat: int, now_ms: int) -> int:
    """Return the time until a whole burst could pass."""
    return max(0, -(-tat // rate.requests) - now_ms)
