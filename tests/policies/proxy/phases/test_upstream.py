"""What a variant is sent, and what goes to others beside it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.proxy.phases.effects import Mirrored, SendCopy
from policies.proxy.phases.upstream_request_filter import MIRROR_BODY
from policies.resilience.drill import Drill, Fault, Target
from tests.policies.proxy.journey import BEGAN, Isolate, Journey, isolate, of, status

COPIED = ["mirror x", "send a", "carried a"]
POST = {"method": "POST", "has_body": True, "content_length": "10"}


def mirrored(**more: Any) -> Isolate:
    return isolate(filters={"mirrors": [{"pool": "canary", **more}]})


def test_a_copy_goes_beside_the_request_and_is_counted() -> None:
    state = mirrored()
    going = Journey(state)
    assert going.go(status(200)) == COPIED
    (copy,) = going.first(SendCopy).copies
    assert copy.changes.set["x-router-mirror"] == "1"
    assert "x-router-mirror" not in going.sent().changes.set
    assert state.counted["mirrored", "r", "x"] == 1
    assert sum(n for key, n in state.counted.items() if key[0] == "requests") == 1


def test_only_copies_that_could_be_sent_are_counted() -> None:
    state = mirrored()
    Journey(state).go(of(SendCopy, Mirrored([], has_body=False)), status(200))
    assert state.counted["mirrored", "r", "x"] == 0


@pytest.mark.parametrize(
    ("more", "given", "expected"),
    [
        ({}, {"upgrade": "websocket"}, COPIED[1:]),
        ({}, POST, COPIED[1:]),  # might change something
        ({"unsafe_methods": True}, POST, ["mirror x", "send a kept body", "carried a"]),
        (
            {"unsafe_methods": True},
            {**POST, "content_length": str(MIRROR_BODY + 1)},
            COPIED[1:],
        ),
        ({"percent": 0}, {}, COPIED[1:]),
    ],
)
def test_what_is_copied(more: dict[str, Any], given: dict[str, Any], expected: list[str]) -> None:
    assert Journey(mirrored(**more), **given).go(status(200)) == expected


def test_the_copys_body_is_the_one_that_is_kept_for_attempts() -> None:
    going = Journey(mirrored(unsafe_methods=True), **{**POST, "method": "PUT"})
    told = going.go(status(503), status(200))
    assert told == ["mirror x", "send a kept body", "wait", "send b kept body", "carried b"]
    assert going.first(SendCopy).keeps_body


def test_nobody_in_service_gets_no_copy() -> None:
    state = mirrored()
    state.eject("x")
    assert Journey(state).go(status(200)) == COPIED[1:]


def test_a_drill_keeps_copies_from_who_is_down() -> None:
    state = mirrored()
    until = int(BEGAN) + 1_000
    target, down = Target("variant", "x"), Fault("down", 0)
    state.drills = (Drill("d", target, down, int(BEGAN), until, "secret"),)
    assert Journey(state).go(status(200)) == COPIED[1:]
    assert Journey(state, now_ms=BEGAN + 1_000).go(status(200)) == COPIED


def test_a_rollouts_copy_has_the_run_that_it_counts_for() -> None:
    state = isolate()
    state.override(0.0, mirror=1.0)
    assert Journey(state).go(status(200)) == ["mirror x/run-1", *COPIED[1:]]


def test_the_url_is_told_only_if_it_is_another_one() -> None:
    same = Journey(isolate())
    same.go(status(200))
    assert same.sent().url is None
    other = Journey(isolate(filters={"rewrite": {"path": {"full": "/new"}}}), url="https://h/old")
    other.go(status(200))
    assert other.sent().url == "https://h/new"
    respelled = Journey(isolate(), url="https://h/%61")
    respelled.go(status(200))
    assert respelled.sent().url == "https://h/a"


def test_every_attempt_has_the_same_request_id() -> None:
    going = Journey(isolate())
    going.go(status(503), status(200))
    ids = {going.sent(at).changes.set["x-request-id"] for at in (0, 1)}
    assert ids == {going.headers["x-request-id"]}
