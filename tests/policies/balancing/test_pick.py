"""Requests that say themselves where they go: who may, where to, and what is left alone."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.availability import Availability, availability_without
from policies.balancing.choose import Forward
from policies.balancing.pick import MAX_REPORTED
from policies.http.problems import Problem
from policies.http.request import Client
from policies.proxy.decide import Decision, Surroundings, decide
from policies.proxy.explain.explain import explain
from policies.resilience.failover import hedge_to, may_repeat, plan
from policies.rollouts.overrides import overrides_of
from tests.policies.making import NOW, compiled, request
from tests.support.examples import examples

VARIANTS = {
    "p-eu": {"binding": "A", "pool": "production", "region": "eu"},
    "p-us": {"binding": "B", "pool": "production", "region": "us"},
    "c-1": {"binding": "C", "pool": "canary"},
    "c-2": {"binding": "D", "pool": "canary"},
    "resting": {"binding": "E", "pool": "canary", "drain": True},
    "idle": {"binding": "F", "pool": "canary", "weight": 0},
    "last": {"binding": "G", "pool": "spare"},
    "other": {"binding": "H", "pool": "elsewhere"},
    "records-us": {"binding": "I", "pool": "records", "region": "us"},
    "canary": {"binding": "J", "pool": "spare"},
}
KEYS = {
    "operator": {"scopes": ["router:override"]},
    "reader": {"scopes": ["read"]},
    "both": {"scopes": ["read", "router:override"]},
    "past": {"scopes": ["router:override"], "not_after": "2020-01-01T00:00:00Z"},
    "future": {"scopes": ["router:override"], "not_before": "2099-01-01T00:00:00Z"},
    "off": {"scopes": ["router:override"], "disabled": True},
    "admin": {"scopes": ["router:admin"]},
}
ROUTE = {
    "override": "X-Pick",
    "split": {"production": 1, "canary": 0, "records": 0},
    "sticky": [{"cookie": "side", "set": True}],
    "failover": {"hedge": "100ms"},
    "filters": {"mirrors": [{"pool": "elsewhere"}], "cache": {"ttl": "1h", "vary": ["x-api-key"]}},
}
POLICY = compiled(
    variants=VARIANTS,
    pools={"canary": {"fallback": ["spare"]}, "records": {"affinity": "strict"}},
    regions={"eu": {"continents": ["EU"]}, "us": {"continents": ["NA"]}},
    default_region="eu",
    auth={
        "keys": [
            {"id": name, "sha256": sha256(name.encode()).hexdigest(), **rest}
            for name, rest in KEYS.items()
        ]
    },
    routes=[
        {"name": "open", **ROUTE},
        {"name": "closed", "hostnames": ["closed.test"], "auth": {"scopes": ["read"]}, **ROUTE},
        {"name": "plain", "hostnames": ["plain.test"], "split": {"production": 1}},
    ],
)
OPEN, CLOSED = "https://open.test/", "https://closed.test/"


def decided(
    name: str | None,
    key: str | None = "operator",
    url: str = OPEN,
    around: Surroundings = NOW,
    headers: dict[str, str] | None = None,
    method: str = "GET",
) -> Decision:
    sent = dict(headers or {})
    sent |= {"x-pick": name} if name is not None else {}
    sent |= {"x-api-key": key} if key else {}
    return decide(POLICY, request(url, method, sent, continent="EU"), Random(1), around)


def tried(*given: Any, **more: Any) -> list[str]:
    outcome = decided(*given, **more).outcome
    assert isinstance(outcome, Forward), outcome
    return [variant.name for variant in outcome.candidates]


def out(*names: str) -> Surroundings:
    return NOW._replace(availability=availability_without(names))


@pytest.mark.parametrize(
    ("name", "around"),
    [
        ("p-eu", NOW),
        ("p-us", NOW),  # of another region
        ("records-us", NOW),  # which a strict pool would not give to this client
        ("resting", NOW),
        ("idle", NOW),
        ("last", NOW),  # of a fallback
        ("canary", NOW),  # there is a pool of that name, too
        ("c-1", out("c-1")),
        ("c-1", out(*VARIANTS)),
        ("c-1", NOW._replace(availability=Availability(half_open={"c-1": False}))),
        ("c-1", NOW._replace(availability=Availability(returning={"c-1": 0.0}))),
        ("c-1", NOW._replace(availability=Availability(panic=frozenset({"canary"})))),
    ],
)
def test_a_variant_is_tried_whatever_it_is_and_nobody_else(name: str, around: Surroundings) -> None:
    outcome = decided(name, around=around).outcome
    assert isinstance(outcome, Forward)
    assert [each.name for each in outcome.candidates] == [name]
    assert not outcome.panic
    assert not outcome.is_probe_request
    terms = outcome.route.failover
    assert [each.name for each in plan(terms, outcome.candidates)] == [name]
    assert not may_repeat(terms, "GET", {"idempotency-key": "1"})


def test_a_pool_is_ordered_as_always_without_its_fallbacks() -> None:
    assert tried("production") == ["p-eu", "p-us"]
    assert tried("production", around=out("p-eu")) == ["p-us"]
    assert decided("records").outcome == decided("records", url=OPEN, key="both").outcome
    outcome = decided("records").outcome
    assert isinstance(outcome, Problem)
    assert outcome.code == "no-variant"
    panic = decided("production", around=out("p-eu", "p-us")).outcome
    assert isinstance(panic, Forward)
    assert ([each.name for each in panic.candidates], panic.panic) == (["p-eu", "p-us"], True)


def test_of_a_pool_another_variant_is_tried_after_a_failure_but_not_beside_it() -> None:
    outcome = decided("production").outcome
    assert isinstance(outcome, Forward)
    terms = outcome.route.failover
    assert [each.name for each in plan(terms, outcome.candidates)] == ["p-eu", "p-us"]
    assert may_repeat(terms, "GET", {})
    assert terms.hedge is None
    usual = decided(None).outcome
    assert isinstance(usual, Forward)
    assert usual.route.failover.hedge == 100
    assert hedge_to(usual.route.failover, usual.candidates, "GET", {})


@pytest.mark.parametrize("name", ["elsewhere", "other", "spare", "", "C-1", "c-1, c-2", "nobody"])
def test_another_name_is_told_with_those_there_are(name: str) -> None:
    outcome = decided(name).outcome
    assert isinstance(outcome, Problem)
    assert (outcome.status, outcome.code) == (400, "unknown-override")
    assert "Pools: canary, production, records. Variants: p-eu, p-us, c-1" in outcome.detail
    assert "other" not in outcome.detail
    assert "elsewhere" not in outcome.detail


def test_not_all_names_of_a_large_policy_are_told() -> None:
    many = {f"v-{number}": {"binding": "A", "pool": "production"} for number in range(60)}
    keys = [{"id": "o", "sha256": sha256(b"o").hexdigest(), "scopes": ["router:override"]}]
    route = {"name": "r", "override": "x-router-override", "split": {"production": 1}}
    policy = compiled(variants=many, auth={"keys": keys}, routes=[route])
    asked = request(headers={"x-router-override": "no", "x-api-key": "o"})
    outcome = decide(policy, asked, Random(1), NOW).outcome
    assert isinstance(outcome, Problem)
    assert outcome.detail.endswith(f"v-{MAX_REPORTED - 1}, and {60 - MAX_REPORTED} more.")


NAMES = [*VARIANTS, "production", "elsewhere", "nobody", "", "a, b"]
POWERLESS = [None, "reader", "past", "future", "off", "admin", "unknown", "operator, both"]


@examples(200)
@given(
    name=st.sampled_from(NAMES) | st.text(max_size=20),
    key=st.sampled_from(POWERLESS),
    url=st.sampled_from([OPEN, CLOSED, "https://plain.test/"]),
    method=st.sampled_from(["GET", "POST"]),
    cookie=st.sampled_from([None, "side=a", "side=b"]),
    down=st.sets(st.sampled_from(list(VARIANTS))),
)
def test_without_the_scope_the_header_changes_nothing(
    name: str, key: str | None, url: str, method: str, cookie: str | None, down: set[str]
) -> None:
    headers = {"cookie": cookie} if cookie else {}
    more: Any = {"key": key, "url": url, "method": method, "around": out(*down)}
    assert decided(name, headers=headers, **more) == decided(None, headers=headers, **more)


@examples(50)
@given(key=st.sampled_from([*POWERLESS, "operator", "both"]), url=st.sampled_from([OPEN, CLOSED]))
def test_a_key_with_the_scope_changes_nothing_without_the_header(key: str | None, url: str) -> None:
    outcome = decided(None, key, url).outcome
    if isinstance(outcome, Forward):
        assert outcome.pick is None
        assert outcome.route is POLICY.routes[0 if url == OPEN else 1]
    else:
        assert url == CLOSED


def test_the_routes_own_auth_still_applies() -> None:
    refused = decided("c-1", "operator", CLOSED).outcome
    assert isinstance(refused, Problem)
    assert refused.code == "forbidden"
    assert tried("c-1", "both", CLOSED) == ["c-1"]


def test_a_route_without_override_does_not_look_at_the_header() -> None:
    decision = decided("c-1", url="https://plain.test/")
    assert isinstance(decision.outcome, Forward)
    assert decision.outcome.candidates[0].name == "p-eu"
    assert decision.admitted is None


@pytest.mark.parametrize("name", ["c-1", "canary", "production"])
def test_the_client_stays_where_it_was(name: str) -> None:
    for headers in ({}, {"cookie": "side=a"}):
        outcome = decided(name, headers=headers).outcome
        assert isinstance(outcome, Forward)
        assert outcome.new_cookie is None
    usual = decided(None).outcome
    assert isinstance(usual, Forward)
    assert usual.new_cookie


@pytest.mark.parametrize("name", ["c-1", "production"])
def test_nothing_is_kept_and_nothing_copied(name: str) -> None:
    outcome = decided(name).outcome
    assert isinstance(outcome, Forward)
    route = outcome.route
    assert route.cache is None
    plans = [route.plan, *(route.plans or {}).values()]
    assert not any(plan.mirrors for plan in plans if plan)
    assert POLICY.routes[0].cache
    assert POLICY.routes[0].plan
    assert POLICY.routes[0].plan.mirrors


def test_it_beats_rollouts_and_does_not_count_for_them() -> None:
    told = {
        "name": "v2",
        "run": "r-1",
        "from": "production",
        "to": "canary",
        "weights": {"open": 100},
        "cohorts": [["key", ["operator"]]],
        "mirror": 5.0,
        "counts": True,
    }
    around = NOW._replace(rollout_overrides=overrides_of(POLICY, [told]))
    for name in ("p-eu", "production"):
        outcome = decided(name, around=around).outcome
        assert isinstance(outcome, Forward)
        assert outcome.candidates[0].name == "p-eu"
        assert outcome.rollout_override is None
        assert not (outcome.route.plans or {}).get("production")
    usual = decided(None, around=around).outcome
    assert isinstance(usual, Forward)
    assert usual.share.name == "canary"


def explained(name: str, key: str | None = "operator", *down: str) -> dict[str, Any]:
    headers = {"x-pick": name} | ({"x-api-key": key} if key else {})
    return explain(POLICY, "GET", OPEN, headers, Client(continent="EU"), out(*down))


@pytest.mark.parametrize(
    ("name", "down", "text"),
    [
        ("c-1", [], "key operator selects variant c-1; no other variant is tried"),
        ("c-1", ["c-1"], "key operator selects variant c-1, although it is down; no other"),
        ("resting", ["resting"], "variant resting, although it is drained and down; no other"),
        ("production", [], "key operator selects pool production, without its fallbacks"),
    ],
)
def test_it_is_told(name: str, down: list[str], text: str) -> None:
    told = explained(name, "operator", *down)
    steps = {step["step"]: step["text"] for step in told["steps"]}
    assert text in steps["override"]
    assert ("variants" in steps) == (name == "production")
    assert "split" not in steps
    assert (told["key_id"], told["mirrors"], told["rollout"]) == ("operator", [], None)


def test_an_unknown_name_is_told_where_it_is_refused() -> None:
    told = explained("nobody")
    assert told["steps"][-1]["step"] == "override"
    assert told["answer"]["code"] == "unknown-override"


@pytest.mark.parametrize("key", ["operator", "reader", None])
def test_the_header_does_not_go_on_and_the_key_only_if_it_is_not_the_routers(
    key: str | None,
) -> None:
    headers = explained("c-1", key)["forwarded"]["headers"]
    assert "x-pick" not in headers
    assert headers.get("x-api-key") == (None if key == "operator" else key)
    assert headers.get("x-router-key-id") == ("operator" if key == "operator" else None)
