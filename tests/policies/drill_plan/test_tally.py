"""Counting: nothing is lost, nothing twice; percentiles against their definition."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.drill_plan.outcomes import DrillOutcome, DrillRun, Marks, Span
from policies.drill_plan.tally import by_phase, by_request, by_time, percentile
from tests.policies.drill_plan.making import outcome, run_of, traffic

FINISHED = 30.0
outcomes = st.lists(
    st.builds(
        DrillOutcome,
        at=st.floats(0, FINISHED, exclude_max=True),
        seconds=st.floats(0, 100),
        status=st.sampled_from([0, 200, 404, 500, 503]),
        variant=st.sampled_from(["", "eu", "us"]),
        failure=st.sampled_from(["", "timeout"]),
        request=st.sampled_from(["read", "write"]),
    ),
    max_size=50,
).map(sorted)
marks = st.one_of(
    st.just(Marks(None, None, FINISHED)),
    st.floats(0, FINISHED).map(lambda began: Marks(began, None, FINISHED)),
    st.tuples(st.floats(0, FINISHED), st.floats(0, FINISHED))
    .map(sorted)
    .map(lambda two: Marks(two[0], two[1], FINISHED)),
)
runs = st.builds(
    DrillRun,
    outcomes=outcomes,
    not_started=st.lists(st.floats(0, FINISHED, exclude_max=True), max_size=5),
    marks=marks,
    targets=st.just(frozenset({"eu"})),
    complete=st.booleans(),
)


@given(runs, st.floats(0.1, 40))
def test_every_request_is_counted_once(run: DrillRun, width: float) -> None:
    phases, slices = by_phase(run), by_time(run, width)
    for counts in (phases, slices, [*by_request(run).values()]):
        assert sum(each.requests for each in counts) == len(run.outcomes)
        assert sum(each.errors for each in counts) == sum(o.is_error for o in run.outcomes)
        for each in counts:
            assert sum(each.answers.values()) + each.unanswered == each.requests
            assert (each.latency is None) == (each.requests == 0)
            assert 0 <= each.error_rate <= 1
    for counts in (phases, slices):
        assert sum(each.not_started for each in counts) == len(run.not_started)
        assert counts[0].begin == 0
        assert counts[-1].end == FINISHED
        assert all(a.end == b.begin for a, b in pairwise(counts))
    known = [each.phase for each in phases]
    assert all(each.phase in known for each in slices)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_pass(
    values: list[float], percent: int
) -> None:
    ordered = sorted(values)
    enough = [v for v in ordered if sum(o <= v for o in ordered) * 100 >= percent * len(ordered)]
    assert percentile(ordered, percent) == enough[0]


@pytest.mark.parametrize(("percent", "wanted"), [(50, 50), (95, 95), (99, 99), (100, 100), (1, 1)])
def test_percentiles_of_a_hundred(percent: int, wanted: int) -> None:
    assert percentile(range(1, 101), percent) == wanted


def test_phases_of_a_run_that_ends_early() -> None:
    assert Marks(None, None, 5.0).spans() == [Span("baseline", 0, 5)]
    assert Marks(10.0, None, 15.0).spans() == [Span("baseline", 0, 10), Span("failure", 10, 15)]
    assert [span.phase for span in Marks(10.0, 20.0, 30.0).spans()] == [
        *("baseline", "failure", "recovery")
    ]


def test_seconds_know_their_phase() -> None:
    run = run_of(traffic((0, {"eu": 1}), end=100), began=9.6, ended=40.0)
    counts = by_time(run)
    assert len(counts) == 100
    assert [each.phase for each in counts[8:12]] == ["baseline"] * 2 + ["failure"] * 2
    assert {each.requests for each in counts} == {40}


def test_what_is_an_error() -> None:
    wrong = [outcome(1, status=500), outcome(2, failure="broken off"), outcome(3, status=0)]
    wrong[2] = wrong[2]._replace(failure="timeout")
    right = [outcome(4, status=499), outcome(5, status=200)]
    assert [each.is_error for each in (*wrong, *right)] == [True, True, True, False, False]
    [counted] = by_time(run_of([*wrong, *right], None, None, finished=100), width=100)
    assert (counted.errors, counted.unanswered, counted.answers) == (3, 1, {"eu": 4})


def test_nothing_at_all() -> None:
    run = run_of([], None, None, finished=0.0)
    assert by_time(run) == []
    assert by_request(run) == {}
    assert [each.requests for each in by_phase(run)] == [0]
