"""Attempts at one request: who is tried, in which order, until when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.proxy.phases.effects import KeepBody, KeptBody, Send, Wait
from policies.resilience.drill import Drill, Fault, Target
from tests.policies.proxy.journey import (
    BEGAN,
    UNWATCHED,
    Isolate,
    Journey,
    Outcome,
    isolate,
    none,
    of,
    status,
)

OK = status(200)
ALL_FAIL = ["send a", "wait", "send b", "wait", "send c"]
POST = {"method": "POST", "has_body": True, "content_length": "10"}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([OK], ["send a", "carried a"]),
        ([status(404)], ["send a", "carried a"]),
        ([status(500)], ["send a", "carry a"]),  # is not in `on`: the client gets it
        ([status(503), OK], ["send a", "wait", "send b", "carried b"]),
        ([none("TimeoutError"), OK], ["send a", "wait", "send b", "carried b"]),
        ([none("Error"), OK], ["send a", "wait", "send b", "carried b"]),
        ([none("Unbound"), OK], ["send a", "wait", "send b", "carried b"]),
        ([status(503), status(502), OK], [*ALL_FAIL, "carried c"]),
        ([status(503), status(503), status(503)], [*ALL_FAIL, "carry c"]),
        ([none("Error"), none("Error"), none("TimeoutError")], [*ALL_FAIL, "answer 504"]),
        ([none("TimeoutError"), none("Error"), none("Error")], [*ALL_FAIL, "answer 502"]),
        ([none("BodyTooLarge")], ["send a", "answer 413"]),
        ([none("UploadBroken")], ["send a", "answer 400"]),
        ([none("UploadLate")], ["send a", "answer 408"]),
    ],
)
def test_attempts_in_order(outcomes: list[Outcome], expected: list[str]) -> None:
    state = isolate(limits={"body": "1KiB"})
    assert Journey(state).go(*outcomes) == expected


@pytest.mark.parametrize(
    ("failover", "outcomes", "expected"),
    [
        ({"attempts": 0}, [status(503)], ["send a", "carry a"]),
        (
            {"attempts": 1},
            [status(503), status(503)],
            ["send a", "wait", "send b", "carry b"],
        ),
        ({"on": ["connect"]}, [status(503)], ["send a", "carry a"]),
        ({"on": ["connect"]}, [none("TimeoutError")], ["send a", "answer 504"]),
        ({"on": ["timeout"]}, [none("Error")], ["send a", "answer 502"]),
        ({"on": [404]}, [status(404), OK], ["send a", "wait", "send b", "carried b"]),
        ({"backoff": "0ms"}, [status(503), OK], ["send a", "send b", "carried b"]),
        (
            {"attempts": 3, "same_variant": True},
            [status(503), status(503), status(503), OK],
            [*ALL_FAIL, "wait", "send a", "carried a"],
        ),
    ],
)
def test_the_route_says_when(
    failover: dict[str, Any], outcomes: list[Outcome], expected: list[str]
) -> None:
    assert Journey(isolate(failover=failover)).go(*outcomes) == expected


ONCE = ["send a", "carry a"]
KEPT = ["keep body whole", "send a kept body", "wait", "send b kept body", "carried b"]


@pytest.mark.parametrize(
    ("read_ms", "answer"), [(0, "answer 504"), (9_900, "answer 504"), (10_100, "answer 408")]
)
def test_a_variant_is_too_late_only_if_it_had_time(read_ms: int, answer: str) -> None:
    """Otherwise slow clients could put it out of service."""
    state = isolate(timeouts={"request": "20s"}, failover={"on": ["connect"]})
    going = Journey(state, **{**POST, "method": "PUT"})
    kept = of(KeepBody, KeptBody(BEGAN + read_ms, "kept"))
    assert going.go(kept, none("TimeoutError"))[-1] == answer


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ONCE),
        ({"idempotency_key": "1"}, KEPT),
        ({"idempotency_key": "1", "content_length": "70000"}, ONCE),  # longer than `buffer`
        ({"method": "PUT"}, KEPT),
        ({"method": "PUT", "upgrade": "websocket"}, ONCE),
    ],
)
def test_what_might_be_done_twice_is_sent_once(given: dict[str, Any], expected: list[str]) -> None:
    outcomes = [status(503), OK][: 1 if expected is ONCE else 2]
    assert Journey(isolate(), **{**POST, **given}).go(*outcomes) == expected


def test_what_has_reached_nobody_is_sent_again_whatever_it_is() -> None:
    going = Journey(isolate(failover={"attempts": 1}), **POST)
    assert going.go(none("Unbound"), OK)[-2:] == ["send b", "carried b"]


@pytest.mark.parametrize(
    ("body", "outcomes", "expected"),
    [
        ("kept", [status(503), OK], ["send a kept body", "wait", "send b kept body", "carried b"]),
        ("none", [status(503), OK], ["send a", "wait", "send b", "carried b"]),
        ("broken", [], ["answer 400"]),
        ("late", [], ["answer 408"]),
    ],
)
def test_a_body_of_known_length_is_kept_before(
    body: str, outcomes: list[Outcome], expected: list[str]
) -> None:
    going = Journey(isolate(), **{**POST, "method": "PUT"})
    assert going.go(of(KeepBody, KeptBody(BEGAN, body)), *outcomes) == [
        "keep body whole",
        *expected,
    ]


def test_reading_a_body_counts_for_the_request_and_not_for_the_attempt() -> None:
    state = isolate(timeouts={"request": "10s", "backend_request": "8s"})
    going = Journey(state, **{**POST, "method": "PUT"})
    going.go(of(KeepBody, KeptBody(BEGAN + 5_000, "kept")), OK)
    assert going.first(KeepBody).timeout_ms == 8_000
    assert going.first(Send).timeout_ms == 5_000


def test_a_body_of_unknown_length_is_kept_while_it_arrives_until_it_is_gone() -> None:
    upload = {"method": "PUT", "has_body": True, "transfer_encoding": "chunked"}
    kept = ["keep body arriving", "send a kept body"]
    assert Journey(isolate(), **upload).go(status(503), OK)[:2] == kept
    gone = Journey(isolate(), **upload).go(none("Error", is_gone=True))
    assert gone == [*kept, "answer 502"]


def test_who_breaks_the_upload_off_is_the_client() -> None:
    state = isolate()
    going = Journey(state, **{**POST, "method": "PUT"})
    assert going.go(status(500, after_ms=5)) == ["keep body whole", "send a kept body", "carry a"]
    broken = Journey(state, **POST)
    assert broken.go(none("Error", is_broken=True)) == ["send a", "answer 400"]
    assert json.loads(broken.answer.body or "")["code"] == "bad-request"
    assert state.counted["requests", "r", "a", 400] == 1
    assert not [event for event, _ in state.events], "it is nobody's fault here"


def test_the_first_attempt_has_the_whole_time_and_later_ones_what_is_left() -> None:
    state = isolate(timeouts={"request": "1s", "backend_request": "600ms"})
    going = Journey(state)
    going.go(none("TimeoutError", 600), OK)
    waited = going.first(Wait).ms
    assert [going.sent(at).timeout_ms for at in (0, 1)] == [600, int(1_000 - 600 - waited)]


def test_nobody_is_tried_when_the_time_is_over() -> None:
    state = isolate(timeouts={"request": "1s"}, failover={"backoff": "1s"})
    assert Journey(state).go(status(503)) == ["send a", "carry a"]


def test_the_budget_ends_attempts() -> None:
    state = isolate(UNWATCHED, failover={"attempts": 1, "budget": "10%"})
    ways = [Journey(state).go(status(503), *([status(503)] if n < 10 else [])) for n in range(11)]
    assert ways[9] == ["send a", "wait", "send b", "carry b"]
    assert ways[10] == ["send a", "carry a"], "ten are always allowed, then a tenth"
    assert state.counted["retries", "r", "a"] == 10


def test_a_variant_has_the_rest_that_it_wants_before_it_is_tried_again() -> None:
    state = isolate(
        {"variants": {"a": {"binding": "A", "pool": "production"}}, "regions": {}, "pools": {}},
        split={"production": 1},
        failover={"same_variant": True, "attempts": 1},
        timeouts={"request": "1m"},
    )
    going = Journey(state)
    told = going.go(status(503, retry_after="3"), OK)
    assert told == ["send a", "wait", "send a", "carried a"]
    assert going.first(Wait).ms == pytest.approx(3_000)
    assert not [event for event, _ in state.events if event == "variant-failed"]


def test_who_wants_a_rest_is_left_alone_by_others_at_once() -> None:
    state = isolate()
    first = Journey(state)
    assert first.go(status(503, retry_after="3"), OK) == ["send a", "wait", "send b", "carried b"]
    assert Journey(state, now_ms=BEGAN + 100).go(OK) == ["send b", "carried b"]


def test_nobody_waits_for_a_rest_of_many_minutes() -> None:
    state = isolate(
        {"variants": {"a": {"binding": "A", "pool": "production"}}, "regions": {}, "pools": {}},
        split={"production": 1},
        failover={"same_variant": True, "attempts": 1},
        timeouts={"request": "0s"},
    )
    assert Journey(state).go(status(503, retry_after="600")) == ["send a", "carry a"]


def test_a_later_attempt_tells_its_number() -> None:
    going = Journey(isolate())
    going.go(status(503), OK)
    told = [going.sent(at).changes.set.get("x-router-attempt") for at in (0, 1)]
    assert told == [None, "2"]


def test_a_drill_stands_in_front_of_the_variant_and_is_counted() -> None:
    state = isolate()
    state.drills = (drill("a", Fault("down", 0)),)
    going = Journey(state)
    assert going.go(none("NotReached"), OK)[-1] == "carried b"
    assert (going.sent(0).drill, going.sent(1).drill) == ("down", None)
    assert state.counted["drill_faults", "d-a", "a", "down"] == 1


def drill(variant: str, fault: Fault) -> Drill:
    until = int(BEGAN) + 60_000
    return Drill(f"d-{variant}", Target("variant", variant), fault, int(BEGAN), until, "secret")


class TestPanic:
    """Everybody is out: all are tried, and who is answered learns when to come back."""

    def out(self, attempts: int = 0) -> Isolate:
        state = isolate(failover={"attempts": attempts})
        state.eject("a", "b", "c")
        return state

    def test_a_503_of_a_variant_gets_retry_after(self) -> None:
        going = Journey(self.out())
        assert going.go(status(503)) == ["send a", "carry a"]
        assert going.headers["retry-after"] == "10"

    def test_but_its_own_is_left_alone(self) -> None:
        going = Journey(self.out())
        going.go(status(503, retry_after="7"))
        assert "retry-after" not in going.headers

    def test_no_answer_tells_it_too(self) -> None:
        state = self.out(attempts=2)
        going = Journey(state)
        assert going.go(*[none("Error")] * 3) == [*ALL_FAIL, "answer 502"]
        assert going.headers["retry-after"] == "10"
        assert state.counted["panics", "r"] == 1

    def test_while_they_are_out_a_failure_is_hidden_though_the_route_would_show_it(self) -> None:
        state = isolate(failover={"on": ["connect"]})
        state.eject("a", "b", "c")
        assert Journey(state).go(status(503), OK) == ["send a", "wait", "send b", "carried b"]

    def test_an_answer_is_an_answer(self) -> None:
        going = Journey(self.out())
        assert going.go(OK) == ["send a", "carried a"]
        assert "retry-after" not in going.headers

    def test_without_panic_nobody_is_told_to_come_back(self) -> None:
        going = Journey(isolate(failover={"attempts": 0}))
        going.go(none("Error"))
        assert "retry-after" not in going.headers


def test_failures_of_variants_eject_them_for_the_next_request() -> None:
    state = isolate(failover={"attempts": 1})
    for _ in range(3):
        assert Journey(state).go(status(503), OK)[0] == "send a"
    assert Journey(state, now_ms=BEGAN + 100).go(OK) == ["send b", "carried b"]
    assert ("variant-ejected", "a") in [(event, told["variant"]) for event, told in state.events]
