"""Leaving and returning, on traffic that is known, and against a slow reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.drill_plan.moments import (
    BACK_FOR_S,
    BACK_SHARE,
    LEFT_FOR_S,
    LEFT_SHARE,
    Answers,
)
from tests.policies.drill_plan.making import Shares, answers, outcome, traffic

THIRD = {"eu": 1, "us": 1, "ap": 1}
NONE = {"eu": 0, "us": 1, "ap": 1}
HALF = {"eu": 1, "us": 2, "ap": 2}  # half of what a third is, nearly: a fifth
NEARLY = {"eu": 9, "us": 10, "ap": 10}
TENTH = {"eu": 1, "us": 10, "ap": 10}


@pytest.mark.parametrize(
    ("why", "stretches", "left"),
    [
        ("at once", [(0, NONE)], 0.0),
        ("after 3 s", [(0, THIRD), (3, NONE)], 2.95),
        ("after less than a second", [(0, THIRD), (0.3, NONE)], 0.25),
        ("after a time of less and less", [(0, THIRD), (2, TENTH), (5, NONE)], 4.875),
        ("never", [(0, THIRD)], None),
        ("not for good", [(0, THIRD), (3, NONE), (20, THIRD), (22, NONE)], 21.95),
        ("only just before the end", [(0, THIRD), (29.5, NONE)], None),
        ("the end alone is no leaving", [(0, THIRD), (3, NONE), (28, THIRD)], None),
    ],
)
def test_left(why: str, stretches: list[tuple[float, Shares]], left: float | None) -> None:
    made = Answers(answers(traffic(*stretches, end=30)))
    assert made.left(0, 30) == (left and pytest.approx(left, abs=0.15)), why


def test_a_probe_request_now_and_then_does_not_undo_leaving() -> None:
    made = [*traffic((0, THIRD), (3, NONE), end=30), outcome(12.01), outcome(20.01)]
    assert Answers(answers(made)).left(0, 30) == pytest.approx(2.95)


@pytest.mark.parametrize(
    ("why", "stretches", "back"),
    [
        ("at once", [(0, THIRD)], 0.0),
        ("after 7 s", [(0, NONE), (7, THIRD)], 7.0),
        ("slowly", [(0, NONE), (5, TENTH), (10, HALF), (20, NEARLY)], 18.05),
        ("with less than it had", [(0, NONE), (5, HALF)], None),
        ("never", [(0, NONE)], None),
        ("and lost it again", [(0, THIRD), (6, NONE), (50, THIRD)], 50.0),
        ("too late to be sure", [(0, NONE), (56, THIRD)], None),
        ("a single answer is not being back", [(0, NONE), (9, THIRD), (9.2, NONE)], None),
    ],
)
def test_back(why: str, stretches: list[tuple[float, Shares]], back: float | None) -> None:
    made = Answers(answers(traffic(*stretches, end=60)))
    found = made.back(0, 60, 1 / 3)
    assert found == (back and pytest.approx(back, abs=0.1)), why


def test_there_is_no_leaving_without_answers() -> None:
    assert Answers([]).left(0, 30) is None
    assert Answers([]).back(0, 30, 0.5) is None
    assert Answers([(1.0, True)]).share(2.0, 3.0) is None


times = st.floats(0, 20, allow_nan=False).map(lambda at: round(at, 1))
series = st.lists(st.tuples(times, st.booleans()), max_size=60, unique_by=lambda each: each[0])


def share(series: list[tuple[float, bool]]) -> float | None:
    return sum(hit for _, hit in series) / len(series) if series else None


@given(series, st.floats(0, 10), st.floats(0, 12))
def test_left_is_what_its_words_say(
    series: list[tuple[float, bool]], begin: float, length: float
) -> None:
    end = begin + length
    within = sorted(each for each in series if begin <= each[0] < end)
    hits = [(at, [e for e in within if e[0] > at]) for at, hit in within if hit]
    moments = [
        at
        for at, later in [(begin, within), *hits]
        if at <= end - LEFT_FOR_S
        and share(later) is not None
        and (share(later) or 0) < LEFT_SHARE
        and (share([e for e in later if e[0] <= at + LEFT_FOR_S]) or 0) < LEFT_SHARE
    ]
    assert Answers(series).left(begin, end) == (moments[0] if moments else None)


@given(series, st.floats(0, 10), st.floats(0, 12), st.floats(0.05, 1))
def test_back_is_what_its_words_say(
    series: list[tuple[float, bool]], begin: float, length: float, before: float
) -> None:
    end = begin + length
    within = sorted(each for each in series if begin <= each[0] < end)
    moments = [
        at
        for at, hit in within
        if hit
        and at <= end - BACK_FOR_S
        and all(
            (share([e for e in within if at <= e[0] < until]) or 0) >= BACK_SHARE * before
            for until in (at + BACK_FOR_S, end)
        )
    ]
    assert Answers(series).back(begin, end, before) == (moments[0] if moments else None)
