"""Drills in the class `Coordinator`: kept, told, woken for, and written to the audit log."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from policies.fleet.report import Tally
from tests.policies.making import compiled
from tests.router.edge.coordinating import POLICY, START, World, ask, world

__all__ = ["world"]

MINUTE = 60_000
DRILL = {"name": "nightly", "variant": "one", "mode": "down", "for": "10m", "schedule": "0 3 * * *"}
AT_THREE = START - START % (24 * 60 * MINUTE) + 27 * 60 * MINUTE  # the next time it is that


def start(world: World, by: str = "ann", **asked: Any) -> dict[str, Any]:
    document = {"variant": "two", "mode": "down", "for": "10m", **asked}
    return ask(world, "start_drill", json.dumps(document), by)


def running(world: World) -> list[str]:
    """By what isolates are told."""
    return [drill["id"] for drill in world.sync()["drills"]]


def audit(world: World, number: int = 100) -> list[str]:
    events = json.loads(asyncio.run(world.object.audit(str(number))))
    return [f"{each['event']} {each['by']} {each.get('why', '')}".strip() for each in events]


def test_it_wakes_for_an_end_and_tells_isolates(world: World) -> None:
    world.sync()
    told = start(world, **{"for": "7s"})
    snapshot = json.loads(told["snapshot"])
    assert [drill["id"] for drill in snapshot["drills"]] == [told["drill"]["id"]] == running(world)
    world.until(START + 6_999)
    assert running(world) == [told["drill"]["id"]]
    world.alarm()
    assert world.now == START + 7_000
    assert running(world) == []
    assert audit(world) == ["drill-ended None time", "drill-started ann"]


def test_it_ends_although_nobody_has_asked_for_long(world: World) -> None:
    world.sync()
    start(world, **{"for": "3h"})
    world.until(START + 2 * 60 * MINUTE)
    assert world.storage.alarm_ms == START + 3 * 60 * MINUTE
    world.alarm()
    assert audit(world)[0] == "drill-ended None time"
    assert world.storage.alarm_ms is None


def test_reports_are_heard_while_the_next_end_is_far_away(world: World) -> None:
    world.sync()
    start(world, **{"for": "3h"})
    world.until(START + 2 * 60 * MINUTE)
    world.sync()
    assert world.storage.alarm_ms == world.now
    world.alarm()
    assert world.storage.alarm_ms <= world.now + 10_000


def test_a_schedule_wakes_it_although_nobody_asks(world: World) -> None:
    world.store.policy = compiled(**POLICY, drills=[DRILL])
    world.sync()
    world.until(AT_THREE + 1)
    assert audit(world) == ["drill-started schedule"]
    assert len(running(world)) == 1
    world.until(AT_THREE + 10 * MINUTE + 1)
    assert running(world) == []
    told = ask(world, "drills")
    assert told["scheduled"] == [DRILL | {"next_at": told["scheduled"][0]["next_at"]}]
    assert [(each["name"], each["why"]) for each in told["past"]] == [("nightly", "time")]


def test_it_survives_an_eviction(world: World) -> None:
    world.sync()
    first = start(world)["drill"]
    world.evict()
    assert running(world) == [first["id"]]
    ended = ask(world, "stop_drill", first["id"], "bob")["ended"]
    assert [(each["id"], each["ended_by"]) for each in ended] == [(first["id"], "bob")]
    world.evict()
    assert running(world) == []
    assert audit(world) == ["drill-ended bob stopped", "drill-started ann"]


def test_what_cannot_be_read_is_told_and_forgotten(world: World) -> None:
    start(world)
    world.storage.values["drills"] = '{"active": 1}'
    world.evict()
    assert running(world) == []
    assert "drills-unread" in world.events
    assert isinstance(start(world)["drill"]["id"], str)


def test_every_version_differs(world: World) -> None:
    world.sync()
    versions = [json.loads(start(world)["snapshot"])["version"]]
    versions.append(json.loads(ask(world, "stop_drill", None, "ann")["snapshot"])["version"])
    assert versions[0] < versions[1]
    world.evict()
    assert world.sync(versions[1], world.sync()["epoch"]).keys() == {"epoch", "version"}


def test_a_probe_meets_what_a_request_does(world: World) -> None:
    world.sync()
    start(world, mode="latency:1s")
    world.alarm()
    assert [(binding, drill) for binding, *_, drill in world.probes] == [
        ("ONE", None),
        ("TWO", 1_000),
    ]


def test_it_ends_early_when_the_other_is_found_unhealthy(world: World) -> None:
    world.sync()
    start(world)
    world.answers["ONE"] = (503, "")
    world.until(START + 40_000)
    assert audit(world) == ["drill-ended None nothing left", "drill-started ann"]


def test_one_isolate_alone_can_say_that_the_other_fails(world: World) -> None:
    world.sync()
    start(world)
    world.sync(one=Tally(5, 5, 30_000), two=Tally(5, 5, 30_000))
    world.until(START + 11_000)
    assert audit(world)[0] == "drill-ended None nothing left"


def test_without_the_policy_nothing_begins_or_ends(world: World) -> None:
    world.sync()
    drill = start(world, **{"for": "1m"})["drill"]
    world.evict()
    world.store.ready, world.store.source, world.store.kv_error = True, "bundled", "TimeoutError"
    world.store.policy = compiled(routes=[{"name": "r", "split": {"canary": 1}}])
    refused = start(world)["refused"]
    assert refused["reason"] == "the policy cannot be read"
    world.sync()
    world.until(START + 30_000)
    assert running(world) == [drill["id"]]
    world.until(START + 5 * MINUTE)
    assert running(world) == []
    assert audit(world) == ["drill-started ann"]
    world.store.kv_error = None
    world.sync()
    world.until(START + 6 * MINUTE)
    assert audit(world) == ["drill-ended None time", "drill-started ann"]


def test_the_audit_log_does_not_grow_for_ever(world: World) -> None:
    world.object._audit.add({"event": "drill-started", "by": n} for n in range(10_020))
    assert len(audit(world, 20_000)) == 10_000
    assert audit(world, 1) == ["drill-started 10019"]


@pytest.mark.parametrize("number", [0, 20_000])
def test_it_writes_only_when_something_has_happened(world: World, number: int) -> None:
    world.sync()
    start(world, **{"for": "24h"})
    world.until(START + MINUTE)
    writes = world.storage.writes
    for second in range(60, 120, 5):
        world.until(START + second * 1_000)
        world.sync(one=Tally(number, 0, 0))
    assert world.storage.writes <= writes + 1  # when it was last heard of, each minute
