"""What is kept of a rollout; what cannot be read holds, and never jumps."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from policies.rollouts.kept import PLAN, UNREAD
from policies.rollouts.rollouts import Rollouts
from tests.policies.rollouts.making import Story

GOOD = {"to": (200, 2), "other": (1_000, 10)}


def kept(story: Story) -> Any:
    return json.loads(json.dumps(story.rollouts.to_json()))


def test_a_plan_that_an_earlier_version_kept_is_read() -> None:
    """It is in the Coordinator's storage while the router is upgraded, and has no format."""
    header = ["header", ["x-a", None, ["a+", ["a", [-1, 1]], []], "a+"], 300_000, False]
    steps = [
        header,
        ["key", ["ann"], 30_000, True],
        ["mirror", 0.1, 1, False],
        ["weight", 50.0, 1, False],
    ]
    terms = [30_000, 40, 0.05, None, 100, 300, None, 1.5, 3, True, [["c", "C", "/", 5_000]]]
    table = ["v2", ["r"], "a", "b", steps, terms, False, True, [["0 9 * * 1", 3_600_000]]]
    plan = PLAN.read(table)
    assert [step.kind for step in plan.steps] == ["header", "key", "mirror", "weight"]
    assert plan.terms
    assert plan.terms.checks[0].name == "c"
    assert json.loads(json.dumps(PLAN.write(plan))) == table


def at_five() -> Story:
    story = Story()
    story.act("start")
    story.minute(**GOOD)
    assert story.weight == 5
    return story


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "flying"},
        {"state": None},
        {"since_ms": "x"},
        {"analysis": None},
        {"analysis": {}},
        {"analysis": {"since_ms": 0, "sides": {"from": [1], "to": [1]}}},
    ],
    ids=str,
)
def test_an_unknown_state_holds(damage: dict[str, Any]) -> None:
    story = at_five()
    [value] = kept(story)
    story.rollouts = Rollouts(Random(2))
    assert story.rollouts.restore([value | damage], story.now * 1000)
    assert (story.run.state, story.weight, story.run.reason) == ("held", 5, UNREAD)
    for _ in range(5):
        story.minute(**GOOD)
    assert (story.run.state, story.weight) == ("held", 5)
    assert story.act("resume") == "running"
    story.minute(**GOOD)
    assert story.weight == 25


@pytest.mark.parametrize("damage", [{"plan": []}, {"setting": 1}, {"weight": "x"}, {"step": None}])
def test_what_is_lost_is_told_and_others_go_on(damage: dict[str, Any]) -> None:
    story = at_five()
    [value] = kept(story)
    story.rollouts = Rollouts(Random(2))
    assert not story.rollouts.restore([value | damage, None, 3], story.now * 1000)
    assert story.rollouts.unread
    [told] = story.rollouts.to_dict(story.now * 1000, story.world)
    assert (told["state"], told["reason"]) == ("held", UNREAD)
    assert "`force` begins all the same" in story.act("start")
    assert story.act("start", force=True) == "running"
    story.tick()
    assert not story.rollouts.unread


def test_a_step_that_the_plan_does_not_have() -> None:
    story = at_five()
    [value] = kept(story)
    story.rollouts = Rollouts(Random(2))
    story.rollouts.restore([value | {"step": 99}], story.now * 1000)
    assert story.run.step == 4
    assert story.weight == 5
