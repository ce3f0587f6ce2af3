"""What an isolate counts and tells: nothing twice, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rollouts.counts import Counts
from policies.rollouts.tallies import MAX_RUNS, Tallies, tallies_from

NOTES = st.lists(
    st.tuples(
        st.sampled_from(["r-1", "r-2"]),
        st.sampled_from(["from", "to"]),
        st.booleans(),
        st.floats(0, 10_000),
    )
)


@given(NOTES, NOTES)
def test_what_is_told_and_taken_adds_up(first: list[Any], second: list[Any]) -> None:
    """Also what is noted while a report is under way."""
    tallies, heard = Tallies(), Counts()
    for note in first:
        tallies.note(*note)
    report = tallies.report()
    for note in second:
        tallies.note(*note)
    for told in (report, None):
        told = told or tallies.report()
        for sides in tallies_from(json.loads(json.dumps(told))).values():
            for counts in sides.values():
                heard.add(counts)
        tallies.taken(told)
    assert tallies.report() == {}
    assert heard.requests == len(first) + len(second)
    assert heard.errors == sum(note[2] for note in first + second)


def test_only_what_somebody_wants_is_kept() -> None:
    tallies = Tallies()
    tallies.note("r-1", "to", False, 5)
    tallies.note("r-2", "to", False, 5)
    tallies.keep({"r-2"})
    assert list(tallies.report()) == ["r-2"]


def test_a_report_of_a_run_that_is_over_is_taken_all_the_same() -> None:
    tallies = Tallies()
    tallies.note("r-1", "to", False, 5)
    report = tallies.report()
    tallies.keep(())
    tallies.taken(report)
    assert tallies.report() == {}


def test_an_answer_that_broke_off() -> None:
    tallies = Tallies()
    tallies.note("r-1", "to", False, 5)
    tallies.taken(tallies.report())
    tallies.broke("r-1", "to")
    assert tallies.report() == {"r-1": {"to": [0, 1, {}]}}


@pytest.mark.parametrize(
    "told",
    [
        None,
        {"r": None},
        {"r": {"to": None}},
        {"r": {"to": [1, 2, 3]}},
        {str(number): {} for number in range(MAX_RUNS + 1)},
    ],
    ids=lambda told: repr(told)[:30],
)
def test_what_are_no_tallies(told: object) -> None:
    with pytest.raises(ValueError, match=r"not (tallies|counts)"):
        tallies_from(told)  # type: ignore[arg-type]


def test_sides_that_there_are_not_are_passed_over() -> None:
    assert tallies_from({"r": {"up": [1, 0, {}]}}) == {"r": {}}
