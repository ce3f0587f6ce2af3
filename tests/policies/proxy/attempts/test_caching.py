"""Answers that are kept: looked up, given, kept, refreshed, voided."""

from __future__ import annotations

from typing import Any

import pytest

from policies.http.cache import Kept
from policies.proxy.attempts.caching import MAX_BYTES, REFRESH_MS
from policies.proxy.phases.effects import Carry, Found, LookUp, Store, Void
from tests.policies.proxy.journey import (
    BEGAN,
    VARIANTS,
    Isolate,
    Journey,
    Outcome,
    isolate,
    none,
    of,
    status,
)

CACHE = {"cache": {"ttl": "10s", "stale_while_revalidate": "1m"}}


def caching(**more: Any) -> Isolate:
    return isolate(filters=CACHE, **more)


def kept(age_s: float, variant: str = "a", voided_ms: float = 0, size: int = 5) -> Outcome:
    """An answer that was asked for so long ago."""
    made = BEGAN - age_s * 1_000
    headers = [("content-type", "text/plain"), ("etag", '"1"')]
    about = Kept(made, made, 10_000, 60_000, variant, headers).to_json()
    return of(LookUp, Found(about, size, voided_ms))


def cached(state: Isolate) -> list[str]:
    return [str(key[2]) for key in state.counted if key[0] == "cached"]


def test_what_is_not_there_is_asked_for_and_kept() -> None:
    state = caching()
    going = Journey(state)
    assert going.go(status(200)) == ["look up", "send a", "carry a and keep"]
    (answer,) = going.answers
    assert isinstance(answer, Carry)
    assert answer.keep
    assert (answer.keep.key, answer.keep.seconds) == (going.first(LookUp).key, 70)
    assert going.headers["x-cache"] == "MISS"
    assert cached(state) == ["MISS"]


def test_what_is_fresh_reaches_no_variant() -> None:
    state = caching()
    going = Journey(state)
    assert going.go(kept(3)) == ["look up", "answer 200 kept"]
    assert {name: going.headers[name] for name in ("age", "x-cache", "content-type")} == {
        "age": "3",
        "x-cache": "HIT",
        "content-type": "text/plain",
    }
    assert state.counted["requests", "r", "", 200] == 1


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (kept(80), "too old"),
        (kept(3, "x"), "made by somebody that this client may not get"),
        (kept(3, voided_ms=BEGAN - 1_000), "its URL has changed since"),
        (of(LookUp, Found("no JSON", 5, 0)), "made by another version"),
    ],
)
def test_what_may_not_be_given_is_asked_for(outcome: Outcome, why: str) -> None:
    assert Journey(caching()).go(outcome, status(200))[1] == "send a", why


def test_what_is_stale_is_given_and_refreshed_once_at_a_time() -> None:
    state = caching()
    first = Journey(state)
    assert first.go(kept(20)) == ["look up", "refresh", "answer 200 kept"]
    assert first.headers["x-cache"] == "STALE"
    assert Journey(state).go(kept(20)) == ["look up", "answer 200 kept"]
    assert first.background
    assert first.background.go(status(200)) == ["send a", "store"]
    assert first.first(Store).keep.key == first.first(LookUp).key
    assert Journey(state).go(kept(20))[1] == "refresh"


def test_a_refresh_that_never_came_back_does_not_block_the_next() -> None:
    state = caching()
    Journey(state).go(kept(20))
    later = BEGAN + REFRESH_MS + 1
    assert "refresh" in Journey(state, now_ms=later).go(kept(0))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (status(200, cache_control="no-store"), ["send a", "forget"]),
        (status(404), ["send a", "forget"]),
        (status(503), ["send a"]),  # what is kept serves until its time is over
        (none("TimeoutError"), ["send a"]),
        (status(200, content_length=str(MAX_BYTES + 1)), ["send a", "forget"]),
    ],
)
def test_what_a_refresh_comes_to(outcome: Outcome, expected: list[str]) -> None:
    state = caching()
    going = Journey(state)
    going.go(kept(20))
    assert going.background
    assert going.background.go(outcome) == expected
    assert state.refreshing == {}


def test_a_refresh_asks_without_the_clients_conditions_and_is_no_request() -> None:
    state = caching()
    going = Journey(state, if_none_match='"1"', if_modified_since="x")
    assert going.go(kept(20)) == ["look up", "refresh", "answer 304"]
    assert going.background
    going.background.go(none("Error"))
    assert {"if-none-match", "if-modified-since"} <= set(going.sent().changes.removed)
    assert sum(n for key, n in state.counted.items() if key[0] == "requests") == 1


def test_failing_refreshes_count_for_health() -> None:
    state = caching()
    for _ in range(3):
        going = Journey(state)
        going.go(kept(20))
        assert going.background
        going.background.go(none("Error"))
    availability = state.availability(state.policy, BEGAN + 100)
    assert availability
    assert list(availability.out) == ["a"]


def test_a_HEAD_tells_the_length_and_keeps_nothing() -> None:
    going = Journey(caching(), "HEAD")
    assert going.go(kept(3, size=12)) == ["look up", "answer 200"]
    assert going.headers["content-length"] == "12"
    assert Journey(caching(), "HEAD").go(status(200)) == ["look up", "send a", "carry a"]
    assert Journey(caching(), "HEAD").go(kept(20)) == ["look up", "answer 200"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"authorization": "Bearer x"}, "a credential"),
        ({"range": "bytes=0-1"}, "a part"),
        ({"has_body": True}, "a body might change the answer"),
    ],
)
def test_these_take_nothing_from_the_cache(given: dict[str, Any], why: str) -> None:
    assert Journey(caching(), **given).go(status(200)) == ["send a", "carried a"], why


@pytest.mark.parametrize(
    "outcome",
    [
        status(404),
        status(200, set_cookie="a=1"),
        status(200, cache_control="private"),
        status(200, content_length=str(MAX_BYTES + 1)),
    ],
)
def test_what_may_not_be_kept_is_carried(outcome: Outcome) -> None:
    assert Journey(caching()).go(outcome) == ["look up", "send a", "carry a"]


def test_the_answer_of_a_second_attempt_is_not_kept() -> None:
    told = Journey(caching()).go(status(503), status(200))
    assert told == ["look up", "send a", "wait", "send b", "carry b"]


def test_a_change_voids_its_url_and_those_it_names_before_the_client_hears() -> None:
    state = caching()
    going = Journey(state, "POST")
    assert going.go(status(200)) == ["send a", "void 1", "carry a"]
    named = Journey(state, "POST")
    assert named.go(status(201, location="/made")) == ["send a", "void 2", "carry a"]
    looked = Journey(state)
    looked.go(status(200))
    assert going.first(Void).marks == [looked.first(LookUp).mark]


@pytest.mark.parametrize("code", [400, 404, 500])
def test_a_change_that_failed_voids_nothing(code: int) -> None:
    assert Journey(caching(), "POST").go(status(code)) == ["send a", "carry a"]


def test_without_a_cache_in_the_policy_nobody_looks() -> None:
    going = Journey(isolate(), "POST")
    assert going.go(status(200)) == ["send a", "carried a"]
    assert not going.sent().wants_head


def test_the_clients_of_a_drained_variant_share_nothing() -> None:
    variants = {**VARIANTS, "a": {**VARIANTS["a"], "drain": True}}
    sticky = [{"cookie": "side", "set": True}]
    filters = {"cache": {**CACHE["cache"], "vary": ["cookie"]}}
    before = Journey(isolate(filters=filters, sticky=sticky))
    before.go(status(200))
    cookie = before.headers["set-cookie"].split(";")[0]
    state = isolate({"variants": variants}, filters=filters, sticky=sticky)
    assert Journey(state, cookie=cookie).go(status(200)) == ["send a", "carried a"]
    assert Journey(state).go(status(200))[:2] == ["look up", "send b"]
