"""The test that decides: never more false alarms than it says, and none too late."""

from __future__ import annotations

from itertools import product
from math import comb, exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rollouts.evidence import (
    FALSE_ALARMS,
    Evidence,
    alarm,
    evidence_from,
    over_limit,
    worse_than,
)
from tests.support.examples import IS_FAST, examples

RATES = st.floats(0, 1)
FEW = st.integers(0, 12)


def probability(total: int, bad: int, rate: float) -> float:
    return comb(total, bad) * rate**bad * (1 - rate) ** (total - bad)


@examples(200)
@given(FEW, FEW, RATES, RATES, st.floats(0, 0.3), RATES)
def test_its_expectation_is_at_most_one_if_it_is_not_worse(
    to: int, other: int, rate: float, less: float, margin: float, expected: float
) -> None:
    """Exactly, over all outcomes, whatever had been expected."""
    its = min(1.0, (rate + margin) * less)  # at most `margin` above `rate`
    sums = [0.0] * len(worse_than((1, 0), (1, 0), margin, expected))
    for bad, others in product(range(to + 1), range(other + 1)):
        logs = worse_than((to, bad), (other, others), margin, expected)
        weight = probability(to, bad, its) * probability(other, others, rate)
        sums = [total + weight * exp(each) for total, each in zip(sums, logs, strict=True)]
    assert all(total <= 1 + 1e-6 for total in sums)


@examples(200)
@given(FEW, RATES, RATES)
def test_the_same_for_a_limit(to: int, limit: float, less: float) -> None:
    sums = [0.0] * len(over_limit((1, 0), limit))
    for bad in range(to + 1):
        weight = probability(to, bad, limit * less)
        logs = over_limit((to, bad), limit)
        sums = [total + weight * exp(each) for total, each in zip(sums, logs, strict=True)]
    assert all(total <= 1 + 1e-6 for total in sums)


def drawn(random: Random, total: int, rate: float) -> int:
    """How many of `total` fail, by the gaps between them."""
    failed, at = 0, -1
    while True:
        at += 1 + int(log(1 - random.random()) / log(1 - rate))
        if at >= total:
            return failed
        failed += 1


def ends_at(random: Random, rates: tuple[float, float], other: int, margin: float) -> int | None:
    """In which of ten intervals of 200 requests a rollout is rolled back."""
    evidence, known = Evidence(), [0, 0]
    for interval in range(1, 11):
        to, base = (200, drawn(random, 200, rates[0])), (other, drawn(random, other, rates[1]))
        expected = (known[1] + 1) / (known[0] + 200)
        evidence.add(worse_than(to, base, margin, expected))
        if evidence.value >= alarm(1):
            return interval
        known = [known[0] + base[0], known[1] + base[1]]
    return None


CASES = [(other, margin) for other in (200, 600, 3_800) for margin in (0.0, 0.005)]
RUNS = 200 if IS_FAST else 1_000


@pytest.mark.parametrize(("other", "margin"), CASES)
def test_false_alarms(other: int, margin: float) -> None:
    """Both fail in 1 of 100 requests: under 1 % of rollouts are rolled back."""
    random = Random(other + 1)
    ends = [ends_at(random, (0.01, 0.01), other, margin) for _ in range(RUNS)]
    assert sum(each is not None for each in ends) < FALSE_ALARMS * RUNS


@pytest.mark.parametrize(("other", "margin"), CASES)
def test_detection(other: int, margin: float) -> None:
    """5 of 100 against 1 of 100: more than 95 % of rollouts are rolled back."""
    random = Random(other + 2)
    ends = [ends_at(random, (0.05, 0.01), other, margin) for _ in range(RUNS)]
    assert sum(each is not None for each in ends) > 0.95 * RUNS


def test_a_handful_of_requests_decides_nothing() -> None:
    for bad, total in ((1, 1), (2, 10), (3, 50), (5, 200)):
        evidence = Evidence()
        evidence.add(worse_than((total, bad), (1_000, 10), 0.005, 0.01))
        assert evidence.value < alarm(1)
    for bad, total in ((1, 1), (2, 3), (8, 50), (20, 200)):
        evidence = Evidence()
        evidence.add(over_limit((total, bad), 0.05))
        assert evidence.value < alarm(1)


def test_what_was_good_for_long_and_turns_bad_is_found() -> None:
    evidence = Evidence()
    for _ in range(10_000):
        evidence.add(worse_than((200, 2), (1_000, 10), 0.005, 0.01))
    assert evidence.value < 1
    for _ in range(2):
        evidence.add(worse_than((200, 20), (1_000, 10), 0.005, 0.01))
    assert evidence.value >= alarm(1)


@examples(100)
@given(st.lists(st.tuples(st.integers(0, 10**6), RATES), max_size=20), RATES, RATES)
def test_numbers_stay_numbers(blocks: list[tuple[int, float]], margin: float, base: float) -> None:
    evidence = Evidence()
    for total, rate in blocks:
        sample = (total, int(total * rate))
        evidence.add(worse_than(sample, sample[::-1] if rate == 1 else (total, 0), margin, base))
        evidence.add(over_limit(sample, rate / 2))
        assert 0 <= evidence.value <= 1e9 + 1
        assert evidence_from(evidence.to_json()).value == evidence.value


@pytest.mark.parametrize("value", [None, [], [1], [0, -1, 0, 0, 0], [0, "x", 0, 0, 0], {"a": 1}])
def test_what_is_no_evidence(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        evidence_from(value)
