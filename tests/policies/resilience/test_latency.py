"""When an answer is slow, as a route's own times say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.resilience.latency import (
    GENERATION_MS,
    LOOK_AGAIN_MS,
    MAX_BUCKET,
    MIN_SAMPLES,
    WIDTH,
    Latencies,
)

NOW_MS = 1_800_000_000_000.0


def noted(times: list[float], now_ms: float = NOW_MS) -> Latencies:
    latencies = Latencies()
    for time in times:
        latencies.note(time, now_ms)
    return latencies


@given(st.lists(st.floats(0, 300_000), min_size=MIN_SAMPLES, max_size=400))
def test_the_estimate_is_a_little_above_the_quantile(times: list[float]) -> None:
    exact = sorted(times)[-(-95 * len(times) // 100) - 1]
    estimate = noted(times).p95(NOW_MS)
    assert estimate is not None
    assert max(exact, 1) * (1 - 1e-9) <= estimate <= max(exact, 1) * WIDTH * (1 + 1e-9)


def test_few_samples_say_nothing() -> None:
    assert noted([5.0] * (MIN_SAMPLES - 1)).p95(NOW_MS) is None
    assert noted([5.0] * MIN_SAMPLES).p95(NOW_MS) is not None


def test_what_is_longer_than_all_buckets_is_in_the_last() -> None:
    assert noted([1e12] * MIN_SAMPLES).p95(NOW_MS) == WIDTH**MAX_BUCKET


def test_an_estimate_is_good_for_a_moment() -> None:
    latencies = noted([10.0] * MIN_SAMPLES)
    before = latencies.p95(NOW_MS)
    for _ in range(100 * MIN_SAMPLES):
        latencies.note(1_000.0, NOW_MS)
    assert latencies.p95(NOW_MS + LOOK_AGAIN_MS - 1) == before
    assert latencies.p95(NOW_MS + LOOK_AGAIN_MS) == noted([1_000.0] * MIN_SAMPLES).p95(NOW_MS)


def test_what_is_long_ago_is_forgotten() -> None:
    latencies = noted([1_000.0] * MIN_SAMPLES)
    later = NOW_MS + GENERATION_MS
    for _ in range(MIN_SAMPLES):
        latencies.note(10.0, later)
    half, young = latencies.p95(later), noted([10.0] * MIN_SAMPLES).p95(NOW_MS)
    assert half == noted([1_000.0] * MIN_SAMPLES).p95(NOW_MS)
    assert latencies.p95(later + GENERATION_MS) == young
    assert latencies.p95(later + 3 * GENERATION_MS) is None
