"""Variants with a URL: what they are sent, and what happens if they are not reached."""

from __future__ import annotations

from typing import Any

import pytest

from policies.http.loops import HOPS, MAX_HOPS
from policies.proxy.phases.effects import Race
from policies.resilience.unreached import STATUSES
from tests.policies.proxy.journey import (
    UNWATCHED,
    VARIANTS,
    Isolate,
    Journey,
    Outcome,
    isolate,
    none,
    raced,
    status,
)

OLD = "https://old.example.com/base"
OK = status(200)
POST = {"method": "POST", "has_body": True, "content_length": "10"}


def outside(**route: Any) -> Isolate:
    """`a` is reached by its URL, b and c through bindings."""
    variants = VARIANTS | {"a": {"url": OLD, "pool": "production", "region": "eu"}}
    return isolate({"variants": variants, **UNWATCHED}, **route)


def test_the_upstream_is_the_url_and_the_path_is_the_clients() -> None:
    journey = Journey(outside())
    assert journey.go(OK) == ["send a", "carried a"]
    assert (journey.sent().upstream, journey.sent().url) == (OLD, None)


@pytest.mark.parametrize(("came", "goes"), [("", "1"), ("1", "2"), ("made up", "1")])
def test_hops_are_counted_at_a_url_alone(came: str, goes: str) -> None:
    headers = {HOPS: came} if came else {}
    journey = Journey(outside(), **headers)
    journey.go(OK)
    assert journey.sent().changes.set[HOPS] == goes
    within = Journey(isolate(UNWATCHED), **headers)
    within.go(OK)
    assert HOPS not in within.sent().changes.set


def test_a_loop_ends_with_a_status_that_nothing_is_repeated_for() -> None:
    looping = Journey(outside(), **{HOPS: str(MAX_HOPS)})
    assert looping.go() == ["answer 508"]
    assert Journey(outside()).go(status(508)) == ["send a", "carry a"]


@pytest.mark.parametrize("code", sorted(STATUSES))
def test_cloudflares_statuses_are_failures_of_a_url_alone(code: int) -> None:
    state = outside()
    expected = ["send a", "wait", "send b", "carried b"]
    assert Journey(state).go(status(code), OK) == expected
    # The same status of a Worker is its answer.
    assert Journey(isolate(UNWATCHED)).go(status(code)) == ["send a", "carry a"]


@pytest.mark.parametrize("code", sorted(STATUSES))
def test_the_last_one_is_a_problem(code: int) -> None:
    state = outside(failover={"attempts": 0})
    answered = 504 if code == 524 else 502
    assert Journey(state).go(status(code)) == ["send a", f"answer {answered}"]
    (event, told), *_ = state.events
    assert event in ("variant-failed", "variant-timeout")
    assert told["reason"] == f"{STATUSES[code]}: Cloudflare answers {code}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Error", "connect-failure"),
        ("PrivateAddress", "private-address"),
        ("NoAddress", "dns-failure"),
        ("BadStatus", "bad-status"),
    ],
)
def test_health_learns_the_cause(error: str, reason: str) -> None:
    passive = {"consecutive_failures": 2, "eject_for": "10s"}
    variants = VARIANTS | {"a": {"url": OLD, "pool": "production", "region": "eu"}}
    state = isolate({"variants": variants, "health": {"passive": passive}})
    for _ in range(2):
        Journey(state).go(none(error), OK)
    (ejected,) = [told for event, told in state.events if event == "variant-ejected"]
    assert (ejected["variant"], ejected["reason"]) == ("a", reason)


@pytest.mark.parametrize(
    ("outcome", "is_repeated"),
    [
        (none("PrivateAddress"), True),
        (none("NoAddress"), True),
        (none("Error"), False),
        (none("BadStatus"), False),
        (status(521), False),
    ],
)
def test_a_post_is_repeated_if_it_was_not_sent(outcome: Outcome, is_repeated: bool) -> None:
    going = Journey(outside(), **POST).go(outcome, *[OK] * is_repeated)
    assert going == (
        ["send a", "wait", "send b", "carried b"] if is_repeated else ["send a", "answer 502"]
    )


def test_a_race_takes_no_status_of_cloudflares_if_there_is_another() -> None:
    journey = Journey(outside(failover={"hedge": "100ms"}))
    assert journey.go(raced(1, 521, 200))[-1] == "carry b"
    race: Race = journey.first(Race)
    assert STATUSES.keys() <= race.codes
    within = Journey(isolate(failover={"hedge": "100ms"}))
    within.go(raced(0, 200))
    assert not STATUSES.keys() & within.first(Race).codes
