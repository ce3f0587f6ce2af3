"""From the request's head to a variant: what the router answers itself, and what it charges."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from policies.access.authenticate import Identity
from policies.http.problems import Problem
from policies.proxy.phases.effects import Charge, Charged
from policies.proxy.sequence import proxy
from tests.policies.proxy.journey import (
    BEGAN,
    LEARNT_AFTER_MS,
    VARIANTS,
    Isolate,
    Journey,
    Outcome,
    isolate,
    none,
    of,
    raced,
    status,
)

HASH = sha256(b"k-good").hexdigest()
OTHER = sha256(b"k-other").hexdigest()
KEYS = {
    "keys": [
        {"id": "good", "sha256": HASH, "scopes": ["read"]},
        {"id": "other", "sha256": OTHER, "scopes": ["write"]},
    ]
}
LIMITS = {
    "by-ip": {"limit": "10/1m", "by": "ip"},
    "by-key": {"limit": "10/1m", "by": "api_key"},
}
DENIED = Problem("rate-limited", "Too many.", (("retry-after", "3"),))
TOLD = {"ratelimit": '"by-ip";r=0;t=3'}
ORIGIN = {"origin": "https://app.test"}
PREFLIGHT = {**ORIGIN, "access_control_request_method": "PUT"}
CORS = {"cors": {"allow_origins": ["https://app.test"], "allow_methods": ["PUT"]}}


def guarded(**more: Any) -> Isolate:
    sections = {"auth": KEYS, "rate_limits": LIMITS}
    guards = {"auth": {"scopes": ["read"]}, "rate_limits": ["by-ip", "by-key"]}
    return isolate(sections, **{**guards, **more})


def code(journey: Journey) -> str:
    found: str = json.loads(journey.answer.body or "")["code"]
    return found


def test_limits_by_address_come_before_the_key_and_limits_by_key_after_it() -> None:
    going = Journey(guarded(), x_api_key="k-good")
    told = going.go(of(Charge, Charged(None, TOLD)), status(200))
    assert told == ["charge by-ip", "charge by-key", "send a", "carried a"]
    before, after = (each for each in going.effects if isinstance(each, Charge))
    assert before.identity is None
    assert isinstance(after.identity, Identity)
    assert after.identity.key.id == "good"
    assert going.headers["ratelimit"] == TOLD["ratelimit"]


def test_who_is_denied_before_the_key_is_not_asked_for_it() -> None:
    state = guarded()
    going = Journey(state, x_api_key="k-guess")
    assert going.go(of(Charge, Charged(DENIED, TOLD))) == ["charge by-ip", "answer 429"]
    assert code(going) == "rate-limited"
    assert going.headers["retry-after"] == "3"
    assert going.headers["ratelimit"] == TOLD["ratelimit"]
    assert state.counted == {("requests", "r", "", 429): 1}


@pytest.mark.parametrize(
    ("headers", "expected", "reason"),
    [
        ({}, 401, "missing"),
        ({"x_api_key": "k-guess"}, 401, "unknown"),
    ],
)
def test_a_wrong_key_has_been_charged_by_address_only(
    headers: dict[str, str], expected: int, reason: str
) -> None:
    state = guarded()
    going = Journey(state, **headers)
    assert going.go() == ["charge by-ip", f"answer {expected}"]
    assert state.counted["denials", "r", reason] == 1
    assert not state.events, "anybody can send any number of these"


def test_a_key_that_may_not_is_logged_with_its_id() -> None:
    state = guarded()
    assert Journey(state, x_api_key="k-other").go() == ["charge by-ip", "answer 403"]
    [(event, fields)] = state.events
    assert (event, fields["key_id"]) == ("key-denied", "other")


def test_who_is_denied_after_the_key_reaches_no_variant() -> None:
    outcomes = [of(Charge, Charged(None, {})), of(Charge, Charged(DENIED, {}))]
    told = Journey(guarded(), x_api_key="k-good").go(*outcomes)
    assert told == ["charge by-ip", "charge by-key", "answer 429"]


def test_a_preflight_needs_no_key_and_is_charged_nothing() -> None:
    state = guarded(filters=CORS)
    going = Journey(state, "OPTIONS", **PREFLIGHT)
    assert going.go() == ["answer 204"]
    assert going.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert state.counted == {("requests", "r", "", 204): 1}


def test_a_fixed_answer_can_be_read_by_pages_of_other_origins_too() -> None:
    state = isolate(filters={"cors": {"allow_origins": ["*"]}}, respond={"status": 200, "body": ""})
    going = Journey(state, **ORIGIN)
    assert going.go() == ["answer 200"]
    assert going.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("outcome", ["carried", "denied", "failed"])
def test_whatever_answers_pages_of_other_origins_may_read_it(outcome: str) -> None:
    state = guarded(filters=CORS, failover={"attempts": 0})
    headers = {**ORIGIN, **({} if outcome == "denied" else {"x_api_key": "k-good"})}
    going = Journey(state, **headers)
    going.go(*{"carried": [status(200)], "denied": [], "failed": [status(500)]}[outcome])
    assert going.headers["access-control-allow-origin"] == ORIGIN["origin"]


def test_a_redirect_and_a_fixed_answer_reach_no_variant() -> None:
    moved = Journey(isolate(filters={"redirect": {"hostname": "new.test"}}))
    assert moved.go() == ["answer 302"]
    assert moved.headers["location"] == "https://new.test/"
    fixed = Journey(guarded(respond={"status": 503, "body": "later"}))
    assert fixed.go() == ["charge by-ip", "answer 401"]
    asked = Journey(guarded(respond={"status": 503, "body": "later"}), x_api_key="k-good")
    assert asked.go() == ["charge by-ip", "charge by-key", "answer 503"]
    assert asked.answer.body == "later"


@pytest.mark.parametrize(
    ("url", "headers", "expected"),
    [
        ("https://h/a%2Fb", {}, "bad-path"),
        ("https://h/", {"host": "h, h"}, "bad-request"),
        ("https://h/" + "x" * 200, {}, "url-too-long"),
        ("https://h/", {"x": "y" * 400}, "headers-too-large"),
        ("https://other.test/", {}, "no-route"),
    ],
)
def test_what_cannot_be_matched_is_answered(
    url: str, headers: dict[str, str], expected: str
) -> None:
    limits = {"url": "100B", "header_size": "300B"}
    state = isolate({"limits": limits}, hostnames=["h"])
    going = Journey(state, "GET", url, **headers)
    told = going.go()
    assert (len(told), code(going)) == (1, expected)
    assert going.headers["x-request-id"]
    assert state.counted == {("requests", "", "", going.answer.status): 1}


def test_the_routers_own_pages_are_counted_by_nobody() -> None:
    state = isolate()
    assert Journey(state, url="https://h/.router/health").go() == ["own page"]
    assert not state.counted


def test_the_first_requests_of_an_isolate_wait_to_hear_of_rollouts() -> None:
    state = isolate()
    state.is_new = True
    assert Journey(state).go(status(200)) == ["send a", "carried a"], "there is none"
    steps = [{"weight": 10, "hold": "1h"}]
    rollout = {"name": "r", "routes": ["r"], "from": "production", "to": "canary", "steps": steps}
    state = isolate({"rollouts": [rollout]})
    state.is_new = True
    journey = Journey(state)
    assert journey.go(status(200)) == ["learn rollouts", "send a", "carried a"]
    carry = journey.sent().carry
    assert carry
    assert carry.attribution.began_ms == BEGAN + LEARNT_AFTER_MS, "its time began when it was known"


class TestDraining:
    """A client's cookie says whether it was there before the drain."""

    STICKY = ({"cookie": "side", "set": True},)

    def isolate(self, drained: bool) -> Isolate:
        variants = {**VARIANTS, "a": {**VARIANTS["a"], "drain": drained}}
        return isolate({"variants": variants}, sticky=list(self.STICKY))

    def test_who_was_there_stays_and_who_is_new_goes_elsewhere(self) -> None:
        before = Journey(self.isolate(False))
        assert before.go(status(200)) == ["send a", "carried a"]
        cookie = before.headers["set-cookie"].split(";")[0]
        stays = Journey(self.isolate(True), cookie=cookie)
        assert stays.go(status(200)) == ["send a", "carried a"]
        assert "set-cookie" not in stays.headers
        new = Journey(self.isolate(True))
        assert new.go(status(200)) == ["send b", "carried b"]
        back = Journey(self.isolate(True), cookie=new.headers["set-cookie"].split(";")[0])
        assert back.go(status(200)) == ["send b", "carried b"]

    def test_a_cookie_that_somebody_made_up_opens_nothing(self) -> None:
        made_up = Journey(self.isolate(True), cookie="side=" + "0" * 32)
        assert made_up.go(status(200)) == ["send b", "carried b"]

    def test_the_cookie_comes_with_whatever_answers(self) -> None:
        going = Journey(self.isolate(False))
        assert going.go(status(503), status(404))[-1] == "carried b"
        assert going.headers["set-cookie"].startswith("side=")


class TestRollouts:
    """What attempts count for."""

    def isolate(self, weight: float = 0.0, **more: Any) -> Isolate:
        state = isolate(**more)
        state.override(weight)
        return state

    def test_each_attempt_counts_for_the_pool_that_it_went_to(self) -> None:
        state = self.isolate(100.0)
        assert Journey(state).go(status(503), status(200)) == [
            "send x",
            "wait",
            "send a",
            "carried a",
        ]
        assert state.tallied() == {"to": (1, 1), "from": (1, 0)}

    def test_what_the_client_broke_off_says_nothing(self) -> None:
        state = self.isolate()
        Journey(state, "POST", has_body=True, content_length="5").go(none("Error", is_broken=True))
        assert state.tallied() == {}

    @pytest.mark.parametrize("came", [none("TimeoutError"), none("Error"), status(503)])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_nobody_knows_whether_a_get_had_all_of_its_body(
        self, method: str, came: Outcome
    ) -> None:
        state = self.isolate()
        for _ in range(5):
            Journey(state, method, has_body=True, content_length="5").go(came)
        assert state.tallied() == {}
        Journey(state, method, has_body=True, content_length="5").go(status(200))
        assert state.tallied() == {"from": (1, 0)}

    def test_who_was_overtaken_was_no_error_but_took_time(self) -> None:
        state = self.isolate(failover={"hedge": "100ms"})
        Journey(state).go(raced(1, None, 200))
        assert state.tallied() == {"from": (2, 0)}

    def test_the_answer_is_blamed_on_its_side_if_it_breaks_off_later(self) -> None:
        going = Journey(self.isolate())
        going.go(status(200))
        send = going.sent()
        assert send.carry
        assert send.carry.attribution == ("a", BEGAN, "run-1/from")
        other = Journey(isolate())
        other.go(status(200))
        assert (other.sent().carry or send.carry).attribution.part == "-"


def test_a_good_answer_may_be_learnt_of_late() -> None:
    """Other requests have come since, and what they said of the variant stays true."""
    state = isolate()
    early = Journey(state)
    way = proxy(early.context)
    send = next(way)
    assert send.variant == "a"
    state.eject("a", now_ms=BEGAN + 50)
    assert Journey(state, now_ms=BEGAN + 60).go(status(200))[0] == "send b"
    with pytest.raises(StopIteration):
        way.send(status(200)(send, BEGAN + 100))
    availability = state.availability(state.policy, BEGAN + 100)
    assert availability
    assert list(availability.out) == ["a"], "what began before its ejection says nothing new"
    assert state.counted["requests", "r", "a", 200] == 1
