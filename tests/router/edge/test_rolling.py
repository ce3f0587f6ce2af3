"""Rollouts in the class `Coordinator`: kept, told, woken for, asked about, and written to the
audit log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.fleet.report import Report, report_json
from policies.rollouts.counts import Counts
from policies.rollouts.kept import LOST, UNREAD
from router.edge.isolate.keys import ROLLOUTS_KEY
from tests.policies.making import compiled
from tests.policies.rollouts.making import ROUTE, sections
from tests.router.edge.coordinating import START, World, ask, world
from tests.support import running

__all__ = ["world"]

MINUTE = 60_000
CHECK = {"name": "smoke", "binding": "SMOKE", "path": "/canary?deep=1", "timeout": "5s"}


def begin(world: World, **changes: Any) -> dict[str, Any]:
    """A rollout that is under way, and what was told of it."""
    world.store.pushed = world.store.policy = compiled(**sections(**changes))
    return act(world, "start", note="now")


def act(world: World, action: str, **more: Any) -> dict[str, Any]:
    command = ("ann", more.get("note"), more.get("force", False))
    return ask(world, "act_on_rollout", more.get("name", "v2"), action, *command)


def count(world: World, to: tuple[int, int], other: tuple[int, int]) -> None:
    """A report of what has come of requests."""
    run = rollout(world)["run"]
    sides = {"to": Counts(*to).to_json(), "from": Counts(*other).to_json()}
    report = Report("ab12", "FRA", None, 0, "digest", {}, {run: sides})
    running.run(world.object.sync(report_json(report)))


def rollout(world: World) -> dict[str, Any]:
    [told] = json.loads(running.run(world.object.rollouts()))
    found: dict[str, Any] = told
    return found


def told(world: World) -> list[tuple[str, dict[str, float]]]:
    """What an isolate is told."""
    return [(each["name"], each["weights"]) for each in world.sync()["rollouts"]]


def history(world: World, number: int = 100) -> list[str]:
    events = json.loads(running.run(world.object.rollout_history(json.dumps(["v2", number]))))
    return [f"{each['event']} {each['weight']:g} {each['by']}" for each in events]


def test_it_begins_and_isolates_are_told_at_once(world: World) -> None:
    assert told(world) == []
    answer = begin(world)
    assert answer["rollout"]["state"] == "running"
    assert json.loads(answer["snapshot"])["rollouts"][0]["weights"] == {"r": 1}
    assert told(world) == [("v2", {"r": 1})]
    assert history(world) == ["rollout-started 1 ann"]


def test_the_alarm_moves_it_on(world: World) -> None:
    begin(world)
    for _ in range(5):
        count(world, (200, 2), (1_000, 10))
        world.until(world.now + MINUTE)
    world.until(world.now + 1)
    assert told(world) == [("v2", {"r": 100})]
    assert history(world) == [
        "rollout-succeeded 100 None",
        *(f"rollout-step {weight} None" for weight in (100, 50, 25, 5)),
        "rollout-started 1 ann",
    ]
    assert history(world, 1) == ["rollout-succeeded 100 None"]


@pytest.mark.parametrize("is_evicted", [False, True])
def test_a_bad_one_is_rolled_back(world: World, is_evicted: bool) -> None:
    begin(world)
    count(world, (200, 40), (1_000, 10))
    world.until(world.now + 1)  # an alarm writes down what was counted
    world.until(world.now + MINUTE, is_evicted)
    assert told(world) == [("v2", {"r": 0})]
    assert rollout(world)["state"] == "rolled-back"


def test_versions_grow_with_transitions_alone(world: World) -> None:
    begin(world)
    version = world.sync()["version"]
    for _ in range(3):
        count(world, (10, 0), (10, 0))
        world.until(world.now + 5_000)
    assert world.sync()["version"] == version
    act(world, "pause")  # of which isolates need not know
    assert world.sync()["version"] == version
    act(world, "promote")
    assert world.sync()["version"] > version


def test_without_analysis_it_goes_on_although_nobody_asks(world: World) -> None:
    steps = [{"weight": 10, "hold": "30m"}, {"weight": 50, "hold": "30m"}]
    begin(world, analysis=None, steps=steps)
    world.until(START + 31 * MINUTE, is_evicted=True)
    assert rollout(world)["weight"] == 50
    world.until(START + 61 * MINUTE)
    assert rollout(world)["state"] == "succeeded"


def test_checks_are_asked(world: World) -> None:
    begin(world, analysis={"interval": "60s", "checks": [CHECK]})
    count(world, (200, 2), (1_000, 10))
    world.until(world.now + MINUTE + 10_000)
    [(binding, url, document, timeout)] = world.asked
    assert (binding, url, timeout) == ("SMOKE", "https://smoke.internal/canary?deep=1", 5_000)
    asked = json.loads(document)
    assert (asked["name"], asked["weight"], asked["state"]) == ("v2", 1, "running")
    assert rollout(world)["weight"] == 5


@pytest.mark.parametrize(
    ("answer", "state", "weight"),
    [
        ((500, "no\n"), "rolled-back", 0),
        (OSError("it is away"), "running", 1),
        ((204, ""), "running", 5),
    ],
)
def test_what_checks_say(world: World, answer: Any, state: str, weight: float) -> None:
    world.answers["SMOKE"] = answer
    begin(world, analysis={"interval": "60s", "checks": [CHECK]})
    count(world, (200, 2), (1_000, 10))
    world.until(world.now + MINUTE + 10_000)
    now = rollout(world)
    assert (now["state"], now["weight"]) == (state, weight)


def test_a_copy_goes_to_kv(world: World) -> None:
    world.sync()
    world.until(START + MINUTE)
    assert ROLLOUTS_KEY not in world.kv.values  # there is nothing to tell
    world.kv.is_away = True
    begin(world)
    world.until(world.now + 10_000)
    assert "rollouts-not-copied" in world.events
    world.kv.is_away = False
    world.until(world.now + 10_000)
    copy = json.loads(world.kv.values[ROLLOUTS_KEY])
    assert copy["is_all"] is True
    assert [each["weights"] for each in copy["rollouts"]] == [{"r": 1}]


def test_it_survives_an_eviction(world: World) -> None:
    begin(world)
    count(world, (200, 2), (1_000, 10))
    world.until(world.now + 10_000)
    before = rollout(world)
    world.evict()
    assert rollout(world) == before
    assert told(world) == [("v2", {"r": 1})]


@pytest.mark.parametrize("damage", ["{", "[]", '{"runs": [{}], "unread": false}'])
def test_what_was_kept_and_cannot_be_read(world: World, damage: str) -> None:
    begin(world)
    world.storage.kv.put("rollouts", damage)
    world.evict()
    assert world.sync()["is_all"] is False  # so isolates keep what they know
    assert rollout(world)["reason"] == UNREAD
    world.evict()
    assert world.sync()["is_all"] is False
    assert "force" in act(world, "start")["refused"]
    assert act(world, "start", force=True)["rollout"]["state"] == "running"
    running.run(world.object.rollouts())
    assert world.sync()["is_all"] is True


def test_without_the_policy_nothing_moves_on(world: World) -> None:
    begin(world)
    world.store.kv_error, world.store.source = "TimeoutError", "bundled"
    assert "cannot be read" in act(world, "promote")["refused"]
    assert "cannot be read" in act(world, "rollback", name="v9")["refused"]
    count(world, (200, 2), (1_000, 10))
    world.until(world.now + 2 * MINUTE)
    assert told(world) == [("v2", {"r": 1})]
    world.store.kv_error = None
    world.sync()
    world.until(world.now + 10_000)
    assert told(world) == [("v2", {"r": 5})]


def test_what_turns_bad_is_rolled_back_also_without_the_policy(world: World) -> None:
    begin(world)
    world.store.kv_error, world.store.source = "TimeoutError", "bundled"
    count(world, (200, 200), (1_000, 0))
    world.until(world.now + 2 * MINUTE)
    assert told(world) == [("v2", {"r": 0})]


def lose(world: World) -> None:
    """All that the object has stored, as after a deployment under another name."""
    world.storage.kv.values.clear()
    world.storage.alarm_ms = None
    world.evict()


def test_what_was_lost_is_told_by_the_copy(world: World) -> None:
    begin(world)
    count(world, (200, 2), (1_000, 10))
    world.until(world.now + 2 * MINUTE)
    assert told(world) == [("v2", {"r": 5})]
    lose(world)
    assert told(world) == [("v2", {"r": 5})]  # and not the file's weights
    now = rollout(world)
    assert (now["state"], now["reason"]) == ("held", LOST)
    world.evict()
    assert rollout(world) == now


def test_what_was_lost_is_not_taken_for_nothing(world: World) -> None:
    """While KV is away isolates are told that there may be more, and the copy stays."""
    begin(world)
    world.until(world.now + 10_000)
    copy = world.kv.values[ROLLOUTS_KEY]
    lose(world)
    world.kv.is_away = True
    answer = world.sync()
    assert (answer["rollouts"], answer["is_all"]) == ([], False)
    world.until(world.now + MINUTE)
    assert world.kv.values[ROLLOUTS_KEY] == copy
    world.kv.is_away = False
    world.until(world.now + 10_000)
    answer = world.sync()
    assert [each["weights"] for each in answer["rollouts"]] == [{"r": 1}]
    assert answer["is_all"] is True


def test_a_damaged_state_is_mended_by_the_copy(world: World) -> None:
    begin(world)
    world.until(world.now + 10_000)
    world.storage.kv.put("rollouts", "{")
    world.evict()
    assert told(world) == [("v2", {"r": 1})]
    assert rollout(world)["state"] == "held"


def test_rolling_back_needs_no_policy(world: World) -> None:
    begin(world)
    known = world.store.policy
    world.store.pushed = world.store.policy = compiled(routes=[ROUTE])
    world.store.kv_error, world.store.source = "TimeoutError", "bundled"
    assert act(world, "rollback")["rollout"]["state"] == "rolled-back"
    assert told(world) == [("v2", {"r": 0})]
    world.store.pushed = world.store.policy = known
    world.store.kv_error = None
    world.until(world.now + 5 * MINUTE)
    assert told(world) == [("v2", {"r": 0})]
    assert history(world) == ["rollout-rolled-back 0 ann", "rollout-started 1 ann"]


def test_rolling_back_what_cannot_be_read(world: World) -> None:
    begin(world)
    world.storage.kv.put("rollouts", "{")
    world.evict()
    assert rollout(world)["reason"] == UNREAD
    assert act(world, "rollback")["rollout"]["state"] == "rolled-back"
    assert told(world) == [("v2", {"r": 0})]
    assert rollout(world)["state"] == "rolled-back"
    assert world.sync()["is_all"] is True


def test_a_report_with_nonsense_does_no_harm(world: World) -> None:
    begin(world)
    run = rollout(world)["run"]
    for nonsense in ({run: None}, {run: {"to": [1, "x", {}]}}, {run: {"to": [-1, 0, {}]}}):
        report = Report("ab12", "FRA", None, 0, "digest", {}, nonsense)
        running.run(world.object.sync(report_json(report)))
    assert rollout(world)["analysis"]["requests"] == {"from": 0, "to": 0}
    assert world.events.count("tallies-unread") == 3


def test_an_unknown_name(world: World) -> None:
    begin(world)
    answer = act(world, "approve", name="v2a")
    assert answer["unknown"] is True
    assert answer["refused"] == "There is no rollout `v2a`; did you mean `v2`?"


def test_it_writes_only_when_something_has_happened(world: World) -> None:
    begin(world)
    act(world, "pause")
    world.until(world.now + MINUTE)
    writes = world.storage.writes
    for second in range(60, 120, 5):
        world.sync()
        world.until(START + second * 1_000 + MINUTE)
    assert world.storage.writes <= writes + 4  # of the interval that began, and the last report
