"""Counts: what is added, taken away, and said about times."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rollouts.counts import WIDTH, Counts, bucket_of, counts_from

TIMES = st.lists(st.floats(0, 400_000), max_size=50)


def counted(times: list[float], errors: int = 0) -> Counts:
    made = Counts()
    for each in times:
        made.note(False, each)
    for _ in range(errors):
        made.note(True, 5)
    return made


@given(TIMES, st.floats(1, 400_000))
def test_over_is_never_too_high(times: list[float], limit: float) -> None:
    assert counted(times).over(limit) <= sum(each > limit for each in times)


@given(TIMES.filter(bool), st.floats(0.01, 1))
def test_a_percentile_is_never_too_low(times: list[float], share: float) -> None:
    found = counted(times).percentile_ms(share)
    assert found is not None
    least = sorted(times)[max(0, -(-int(share * len(times) * 1e9) // 10**9) - 1)]
    assert found * 1.000001 >= min(least, WIDTH**134)
    assert found <= max(1, least * WIDTH) * 1.000001 or share * len(times) % 1 < 1e-6


def test_errors_are_not_timed() -> None:
    made = counted([10, 20], errors=3)
    assert (made.requests, made.errors, made.timed) == (5, 3, 2)
    told = made.to_dict()
    assert (told["requests"], told["errors"], told["error_rate"]) == (5, 3, 0.6)
    assert 20 <= told["p95"] <= 22
    assert Counts().to_dict()["p50"] is None


@given(TIMES, TIMES)
def test_what_was_added_can_be_taken_away(first: list[float], second: list[float]) -> None:
    both = counted(first, 2)
    both.add(counted(second, 3))
    assert both.requests == len(first) + len(second) + 5
    both.add(counted(second, 3), -1)
    assert both.to_json() == counted(first, 2).to_json()
    assert counts_from(json.loads(json.dumps(both.to_json()))).to_json() == both.to_json()


def test_an_answer_that_broke_off_was_no_good_one() -> None:
    made = Counts(0, 0)
    made.broke()  # what it was counted as has been told before
    assert made.failed == (0, 0)
    made.note(False, 3)
    assert made.failed == (1, 1)


def test_buckets() -> None:
    assert [bucket_of(ms) for ms in (0, 0.5, 1, 1.05, 1.1, 1.11, 1e9)] == [0, 0, 0, 1, 1, 2, 134]


@pytest.mark.parametrize(
    "value",
    [None, [], [1, 2], [1, -1, {}], [1.5, 0, {}], [1, 0, {"x": 1}], [1, 0, {"999": 1}], [1, 0, []]],
)
def test_what_are_no_counts(value: object) -> None:
    with pytest.raises(ValueError, match=r"count|invalid literal|values to unpack"):
        counts_from(value)
