"""A second attempt beside a slow first: won, lost, overtaken, paid for, counted."""

from __future__ import annotations

from typing import Any

import pytest

from policies.proxy.phases.effects import Race
from tests.policies.proxy.journey import (
    BEGAN,
    UNWATCHED,
    Isolate,
    Journey,
    Outcome,
    isolate,
    raced,
    status,
)

RACE = "race a b after 100"
HEDGED = {"hedge": "100ms"}
WON = {("hedges", "r", "b", "true"): 1}
LOST = {("hedges", "r", "b", "false"): 1}


def hedged(**more: Any) -> Isolate:
    return isolate(failover={**HEDGED, **more})


@pytest.mark.parametrize(
    ("outcomes", "expected", "counted"),
    [
        ([raced(0, 200)], [RACE, "carry a"], {}),  # the second was never sent
        ([raced(0, 200, None)], [RACE, "carry a"], LOST),
        ([raced(1, None, 200)], [RACE, "carry b"], WON),
        ([raced(1, "Error", 200)], [RACE, "carry b"], WON),
        # Neither was good: the third in order is asked after the second.
        ([raced(1, 503, 503), status(200)], [RACE, "wait", "send c", "carried c"], WON),
        # An answer to be tried again that came while the second was under way: the third is next.
        ([raced(0, 503, None), status(200)], [RACE, "wait", "send c", "carried c"], LOST),
        # The first failed at once: the next attempt is an ordinary one.
        ([raced(0, 503), status(200)], [RACE, "wait", "send b", "carried b"], {}),
        ([raced(0, "Unbound"), status(200)], [RACE, "wait", "send b", "carried b"], {}),
    ],
)
def test_the_first_good_answer_wins(
    outcomes: list[Outcome], expected: list[str], counted: dict[Any, int]
) -> None:
    state = hedged()
    assert Journey(state).go(*outcomes) == expected
    assert {key: n for key, n in state.counted.items() if key[0] == "hedges"} == counted


def test_an_error_of_who_is_suspect_is_taken_only_if_there_is_no_other_answer() -> None:
    state = hedged()
    well = Journey(state)
    well.go(raced(0, 200))
    assert 500 not in well.first(Race).codes
    for _ in range(2):  # not enough to be ejected, but to be suspect
        Journey(state).go(raced(0, 500))
    suspect = Journey(state)
    suspect.go(raced(0, 200))
    assert {500, 503} <= suspect.first(Race).codes


def test_who_was_overtaken_is_not_blamed_and_who_failed_is() -> None:
    state = hedged()
    for _ in range(5):
        Journey(state).go(raced(1, None, 200))
    assert state.availability(state.policy, BEGAN) is None
    for _ in range(3):
        Journey(state).go(raced(1, "Error", 200))
    availability = state.availability(state.policy, BEGAN + 500)
    assert availability
    assert list(availability.out) == ["a"]


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("POST", {}),
        ("PUT", {}),
        ("GET", {"upgrade": "websocket"}),
        ("GET", {"content_length": "1"}),
    ],
)
def test_what_may_not_go_to_two_places_is_not_hedged(method: str, more: dict[str, str]) -> None:
    assert Journey(hedged(), method, **more).go(status(200)) == ["send a", "carried a"]


def test_hedges_are_paid_from_the_retry_budget() -> None:
    state = hedged(budget="0%")
    told = [Journey(state).go(raced(1, None, 200))[0] for _ in range(10)]
    assert told == [RACE] * 10
    assert Journey(state).go(status(200)) == ["send a", "carried a"]


def test_a_hedge_that_was_not_necessary_costs_nothing() -> None:
    state = hedged(budget="0%")
    told = [Journey(state).go(raced(0, 200))[0] for _ in range(30)]
    assert told == [RACE] * 30


def test_both_have_what_is_left_of_the_time() -> None:
    state = isolate(failover=HEDGED, timeouts={"request": "1s", "backend_request": "950ms"})
    going = Journey(state)
    going.go(raced(0, 200))
    race = going.first(Race)
    assert (race.first.timeout_ms, race.second.timeout_ms) == (950, 900)
    assert race.second.changes.set["x-router-attempt"] == "2"
    assert race.first.carry is race.second.carry is None


def test_p95_is_learnt_before_anybody_is_hedged_and_failures_teach_nothing() -> None:
    state = isolate(UNWATCHED, failover={"hedge": "p95", "on": ["connect"]})
    for _ in range(200):
        assert Journey(state).go(status(500, after_ms=1)) == ["send a", "carry a"]
    later = BEGAN + 2_000
    for _ in range(100):
        assert Journey(state, now_ms=later).go(status(200, after_ms=50)) == ["send a", "carried a"]
    (first, _) = Journey(state, now_ms=later + 2_000).go(raced(0, 200))
    assert first.startswith("race a b after ")
    assert 50 <= float(first.split(" ")[-1]) <= 60


def test_a_probe_request_is_always_hedged_and_its_failure_is_hidden() -> None:
    state = isolate(failover={"on": ["connect"]})
    state.eject("a")
    assert Journey(state, now_ms=BEGAN + 1_000).go(status(200)) == ["send b", "carried b"]
    now = BEGAN + 11_000
    is_probe_request = Journey(state, now_ms=now)
    assert is_probe_request.go(raced(1, None, 200)) == ["race a b after 2000", "carry b"]
    assert Journey(state, now_ms=now).go(status(200)) == ["send b", "carried b"], "one at a time"


def test_a_good_probe_request_brings_the_variant_back() -> None:
    state = isolate()
    state.eject("a")
    Journey(state, now_ms=BEGAN + 11_000).go(raced(0, 200))
    assert [event for event, _ in state.events] == ["variant-ejected", "variant-returns"]


def test_a_bad_probe_request_costs_the_client_nothing() -> None:
    state = isolate(failover={"on": ["connect"]})
    state.eject("a")
    told = Journey(state, now_ms=BEGAN + 11_000).go(raced(0, 503), status(200))
    assert told == ["race a b after 2000", "wait", "send b", "carried b"]


def test_a_failure_beside_a_failure_answers_with_the_last() -> None:
    state = hedged(attempts=1)
    going = Journey(state)
    assert going.go(raced(1, 503, "TimeoutError")) == [RACE, "answer 504"]
    assert going.first(Race).codes == {502, 503, 504}
