"""Rates, and the bound that holds for all of them."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from policies.access.gcra import Rate

RATES = st.builds(
    Rate,
    requests=st.integers(1, 200),
    per_ms=st.integers(1, 100).map(lambda n: n * 97),
    burst=st.integers(1, 12),
)


START = 1_790_000_000_000  # a day in 2026: large numbers must not lose the small ones


def assert_bounded(rate: Rate, passed: list[int]) -> None:
    """No span of time has more than burst + rate x span, both its ends included."""
    times = sorted(passed)
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            allowed = rate.burst + Fraction((times[last] - begin) * rate.requests, rate.per_ms)
            assert last - first + 1 <= allowed, (rate, times)
