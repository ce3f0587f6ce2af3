"""Rollouts at work: where requests go, and that nobody is moved back."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import Forward
from policies.http.request import Client
from policies.proxy.decide import decide
from policies.proxy.explain.explain import explain
from policies.rollouts.overrides import NOTHING, RolloutOverrides, overrides_of
from tests.policies.making import NOW, compiled, request
from tests.policies.rollouts.making import TOLD as ROLLOUT
from tests.support.examples import examples

SPLIT = {"production": 90, "canary": 10, "beta": 50}
ROUTES = [
    {"name": "r", "split": SPLIT, "sticky": ["header:x-user"]},
    {"name": "q", "hostnames": ["q.test"], "split": {"production": 1}},
]
POLICY = compiled(routes=ROUTES)
USERS = [f"user-{number}" for number in range(300)]
HEADER = ["header", ["x-preview", "1", None, None]]


def pools(told: list[dict[str, Any]], users: list[str] = USERS) -> dict[str, str]:
    """Where each user goes."""
    overrides = overrides_of(POLICY, told)
    around = NOW._replace(rollout_overrides=overrides)
    found = {}
    for user in users:
        asked = request(headers={"x-user": user})
        outcome = decide(POLICY, asked, Random(1), around).outcome
        assert isinstance(outcome, Forward)
        found[user] = outcome.share.name
    return found


def told(weight: float, **changes: Any) -> list[dict[str, Any]]:
    return [ROLLOUT | {"weights": {"r": weight}} | changes]


def test_shares() -> None:
    """Both have 100 of 150 together; the third pool keeps its 50."""
    route = overrides_of(POLICY, told(30))["r"].route
    assert {share.name: share.weight for share in route.shares} == {
        "production": 70,
        "beta": 50,
        "canary": 30,
    }
    assert route.total == 150
    at_the_end = overrides_of(POLICY, told(100))["r"].route
    assert [share.name for share in at_the_end.shares] == ["canary", "beta"]
    at_the_beginning = overrides_of(POLICY, told(0))["r"].route
    assert [share.name for share in at_the_beginning.shares] == ["production", "beta"]


@examples(50)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=5).map(sorted))
def test_nobody_is_moved_back(weights: list[float]) -> None:
    moved: set[str] = set()
    for weight in weights:
        now = pools(told(weight), USERS[:60])
        assert all(now[user] == "canary" for user in moved)
        moved |= {user for user, pool in now.items() if pool == "canary"}


def test_the_share_of_the_file_moves_nobody() -> None:
    assert pools(told(10)) == pools([])


def test_cohorts() -> None:
    overrides = overrides_of(POLICY, told(0, cohorts=[HEADER, ["key", ["ann"]]]))["r"]
    assert overrides.takes(request(headers={"x-preview": "1"}), "")
    assert not overrides.takes(request(headers={"x-preview": "2"}), "")
    assert overrides.takes(request(), "ann")
    assert not overrides.takes(request(), "bob")
    assert not overrides.takes(request(), "")


def test_a_cohort_goes_to_the_new_pool_whatever_its_weight() -> None:
    around = NOW._replace(rollout_overrides=overrides_of(POLICY, told(0, cohorts=[HEADER])))
    for user in USERS[:20]:
        asked = request(headers={"x-user": user, "x-preview": "1"})
        outcome = decide(POLICY, asked, Random(1), around).outcome
        assert isinstance(outcome, Forward)
        assert outcome.candidates[0].name == "canary"


def test_a_mirror_copies_what_goes_to_the_old_pool() -> None:
    route = overrides_of(POLICY, told(0, mirror=0.25))["r"].route
    old, new = route.plan_for("production"), route.plan_for("canary")
    assert old
    assert [(m.pool, m.share, m.unsafe, m.side) for m in old.mirrors] == [
        ("canary", 0.25, False, "to")
    ]
    assert new is None


def test_a_mirror_comes_to_those_that_the_route_has() -> None:
    filters = {"mirrors": [{"pool": "beta"}], "request_headers": {"remove": ["x-a"]}}
    policy = compiled(routes=[ROUTES[0] | {"filters": filters}])
    plan = overrides_of(policy, told(0, mirror=0.25))["r"].route.plan_for("production")
    assert plan
    assert [mirror.pool for mirror in plan.mirrors] == ["beta", "canary"]
    assert plan.request


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": {}},
        {"weights": {"other": 5}},
        {"weights": {"q": 5}},
        {"weights": {"r": 101}},
        {"weights": {"r": "x"}},
        {"weights": None},
        {"from": "nobody"},
        {"cohorts": [["header", []]]},
    ],
    ids=str,
)
def test_what_cannot_be_read_or_done_is_left_out(damage: dict[str, Any]) -> None:
    assert dict(overrides_of(POLICY, [ROLLOUT | damage])) == {}


def test_what_is_learned() -> None:
    overrides = RolloutOverrides()
    assert (overrides.is_known, overrides.of(POLICY)) == (False, NOTHING)
    overrides.learn([ROLLOUT], is_all=True)
    assert (overrides.is_known, list(overrides.of(POLICY))) == (True, ["r"])
    assert overrides.counted == {"r-1"}
    overrides.learn([], is_all=False)  # of others it says nothing
    assert list(overrides.of(POLICY)) == ["r"]
    overrides.learn([], is_all=True)
    assert overrides.of(POLICY) == {}


def test_what_answers_count_for() -> None:
    rollout_override = overrides_of(POLICY, told(30))["r"]
    assert [rollout_override.part(pool) for pool in ("canary", "production", "beta")] == [
        *("r-1/to", "r-1/from", "-"),
    ]
    assert rollout_override._replace(counts=False).part("canary") == "-"


def test_another_policy_has_other_routes_overridden() -> None:
    overrides = RolloutOverrides()
    overrides.learn([ROLLOUT], is_all=True)
    other = compiled(routes=[{"name": "q", "split": SPLIT}])
    assert list(overrides.of(POLICY)) == ["r"]
    assert list(overrides.of(other)) == []
    assert list(overrides.of(POLICY)) == ["r"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (
            {"x-user": "a"},
            "rollout v2 gives canary 30% of the traffic of pools production and canary",
        ),
        ({"x-preview": "1"}, "rollout v2 sends this client to pool canary: it belongs to a cohort"),
    ],
)
def test_it_is_explained(headers: dict[str, str], said: str) -> None:
    around = NOW._replace(rollout_overrides=overrides_of(POLICY, told(30, cohorts=[HEADER])))
    result = explain(POLICY, "GET", "https://a.test/", headers, Client(), around)
    assert result["rollout"] == "v2"
    assert {"step": "rollout", "text": said} in result["steps"]
    assert explain(POLICY, "GET", "https://a.test/", headers, Client(), NOW)["rollout"] is None
