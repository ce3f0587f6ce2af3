"""The order of requests: as often as their weights say, and evenly."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.drill_plan.schedule import due_at, order
from policies.drill_plan.values import TrafficRate


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(any), st.integers(1, 300))
def test_no_kind_is_ever_more_than_one_turn_ahead_of_its_weight(
    weights: list[int], turns: int
) -> None:
    chosen = list(islice(order(weights), turns))
    for index, weight in enumerate(weights):
        due = turns * weight / sum(weights)
        assert abs(chosen.count(index) - due) <= len(weights)
        assert weight or index not in chosen


def test_it_is_exact_after_a_whole_round_and_even_within() -> None:
    assert list(islice(order([2, 1, 1]), 8)) == [0, 1, 2, 0, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ("rate", "number", "due"),
    [
        (TrafficRate(40, 1000), 0, 0.0),
        (TrafficRate(40, 1000), 40, 1.0),
        (TrafficRate(10, 60_000), 3, 18.0),
    ],
)
def test_when_a_request_is_due(rate: TrafficRate, number: int, due: float) -> None:
    assert due_at(rate, number) == pytest.approx(due)
