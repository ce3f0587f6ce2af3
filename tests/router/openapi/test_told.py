"""What the core tells of drills, rollouts and health has the shapes of the document."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import jsonschema
import pytest

from policies.fleet.drills import DrillContext, DrillRefusal, DrillRequest, Drills
from policies.http.problems import PROBLEMS, Problem
from policies.http.request import Client
from policies.proxy.decide import Surroundings
from policies.proxy.explain.explain import explain
from policies.resilience.drill import Target, fault_from
from tests.policies.making import compiled
from tests.policies.rollouts.making import Story
from tests.router.openapi.validating import validate

NOW = 1_800_000_000_000
POLICY = compiled(
    variants={"eu": {"binding": "EU", "pool": "production", "region": "eu"}},
    regions={"eu": {"continents": ["EU"]}},
    default_region="eu",
    routes=[{"name": "r", "split": {"production": 1}, "sticky": ["ip"]}],
    drills=[{"name": "d", "region": "eu", "mode": "down", "for": "1m", "schedule": "0 0 1 1 *"}],
)


def told(value: Any) -> Any:
    """As it comes out of JSON."""
    return json.loads(json.dumps(value))


def test_drills() -> None:
    drills, world = Drills(Random(1)), DrillContext(POLICY, ())
    asked = DrillRequest(
        Target("variant", "eu"), fault_from("errors:30%"), 60_000, "ann", forced=True
    )
    drills.tick(NOW, world)
    refused = drills.start(asked._replace(forced=False), NOW, world)
    assert isinstance(refused, DrillRefusal)
    for _ in range(2):
        drills.start(asked, NOW, world)
    drills.stop(drills.active[0].id, "ann", NOW + 1)
    page = {
        "active": [each.to_dict() for each in drills.active],
        "scheduled": drills.scheduled(POLICY),
        "past": [each.to_dict() for each in drills.past],
    }
    assert all(page.values())
    validate("Drills", told(page))
    validate("Audit", told({"events": drills.take_events()}))
    problem = Problem("drill-refused", "It is refused.", more=refused.to_dict())
    validate("DrillRefused", json.loads(problem.body("id")))


STEPS: list[dict[str, Any]] = [
    {"header": {"name": "x-preview", "regex": "a|b"}, "pause": True},
    {"key": ["ann"], "hold": "1m"},
    {"mirror": "10%", "hold": "1m"},
    {"weight": 50},
]
AUTH = {"keys": [{"id": "ann", "sha256": "0" * 63 + "1", "scopes": ["work"]}]}
ROUTES = [
    {
        "name": "r",
        "split": {"production": 100, "canary": 0},
        "sticky": ["ip"],
        "auth": {"scopes": ["work"]},
    }
]


def test_rollouts() -> None:
    story = Story(
        steps=STEPS, auth=AUTH, routes=ROUTES, schedule=[{"start": "0 9 * * 1-5", "for": "7h"}]
    )
    seen: set[str] = set()
    events: list[Any] = []
    for action in ("", "start", "pause", "resume", "approve", "promote", "rollback"):
        if action:
            story.act(action, note="why")
            events += story.events()
        story.minute(to=(200, 2), other=(1_000, 10))
        rollouts = told(story.rollouts.to_dict(story.now * 1000, story.world))
        seen |= {each["state"] for each in rollouts}
        validate("Rollouts", {"at": None, "rollouts": rollouts})
    validate("RolloutEvents", told({"events": events}))
    validate("Audit", told({"events": events}))
    assert {"waiting", "running", "paused", "succeeded", "rolled-back"} <= seen


@pytest.mark.parametrize("code", PROBLEMS)
def test_problems(code: str) -> None:
    validate("Problem", json.loads(Problem(code, "why").body("id")))


@pytest.mark.parametrize(
    "url", ["https://a.test/x", "https://a.test/a%2fb", "https://a.test/.router/x"]
)
def test_explanations(url: str) -> None:
    around = Surroundings(NOW, b"", None)
    validate("Explanation", told(explain(POLICY, "GET", url, {}, Client(), around)))


def test_another_field_is_noticed() -> None:
    with pytest.raises(jsonschema.ValidationError, match="unexpected"):
        validate("Health", {"status": "ok", "more": 1})
