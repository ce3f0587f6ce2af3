"""The Coordinator, kept in a storage that outlives it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from policies.fleet.report import Tally
from tests.policies.making import compiled
from tests.router.edge.coordinating import POLICY, START, World, world

__all__ = ["world"]


def told(world: World) -> dict[str, str]:
    """What probes say, as an isolate is told that knows nothing."""
    return {name: each["active"] for name, each in world.sync()["variants"].items()}


def test_the_first_report_starts_the_alarms_and_probes(world: World) -> None:
    assert world.storage.alarm_ms is None
    first = world.sync()
    assert first["variants"] == {}
    assert world.storage.alarm_ms == START
    world.alarm()
    assert world.store.asked == 1
    assert told(world) == {"one": "healthy", "two": "healthy"}
    assert world.storage.alarm_ms == START + 5_000  # the moment of `two`
    assert world.sync(first["version"] + 2, first["epoch"]).keys() == {"epoch", "version"}


def test_a_probe_says_who_it_is_and_which_version_it_means(world: World) -> None:
    world.sync()
    world.alarm()
    agent = ("user-agent", "fiberwise-router-health/1")
    override = (
        "cloudflare-workers-version-overrides",
        'w="00000000-0000-4000-8000-000000000000"',
    )
    assert world.probes == [
        ("ONE", "https://one.internal/health?deep", [agent], 2_000, 65_536, None),
        ("TWO", "https://two.internal/health?deep", [agent, override], 2_000, 65_536, None),
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, "well"), "status 503"),
        ((200, "ill"), "the expected text is not in the body"),
        (OSError("the variant is broken"), "the variant is broken"),
    ],
)
def test_three_failures_make_a_variant_unhealthy_and_two_good_answers_well(
    world: World, answer: Any, reason: str
) -> None:
    world.sync()
    world.answers["TWO"] = answer
    for at, state in [(0, "unknown"), (6_000, "unknown"), (16_000, "unhealthy")]:
        world.until(START + at + 1)
        assert told(world) == {"one": "healthy", "two": state}
    state = json.loads(asyncio.run(world.object.state()))
    assert state["variants"]["two"]["probe"]["reason"] == reason
    del world.answers["TWO"]
    for at, expected in [(26_000, "unhealthy"), (36_000, "healthy")]:
        world.until(START + at)
        assert told(world)["two"] == expected


def test_it_writes_only_what_is_new(world: World) -> None:
    world.sync()
    world.until(START + 60_000)
    writes = world.storage.writes
    for second in range(60, 120, 5):
        world.until(START + second * 1_000)
        world.sync(one=Tally(100, 1, 0))
    assert world.storage.writes == writes + 1  # that somebody reports, once a minute
    assert writes <= 5


def test_what_it_knows_survives_an_eviction(world: World) -> None:
    world.answers["ONE"] = (500, "")
    first = world.sync()
    world.until(START + 25_000)
    before = world.sync()
    world.evict()
    after = world.sync()
    assert told(world) == {"one": "unhealthy", "two": "healthy"}
    assert (after["epoch"], after["version"]) == (before["epoch"], before["version"])
    assert after["epoch"] == first["epoch"]


def test_alarms_go_on_after_an_eviction_also_before_any_report(world: World) -> None:
    world.sync()
    world.until(START + 25_000)
    world.evict()
    for _ in range(3):
        world.alarm()
    assert told(world) == {"one": "healthy", "two": "healthy"}


@pytest.mark.parametrize("kept", ["", "{", '{"format": 0}', "[]"])
def test_a_state_that_cannot_be_read_is_begun_anew(world: World, kept: str) -> None:
    world.storage.values["coordination"] = kept
    world.evict()
    assert world.events == ["coordinator-state-unread"]
    world.sync()
    world.alarm()
    assert told(world) == {"one": "healthy", "two": "healthy"}
    world.evict()
    assert world.events == ["coordinator-state-unread"]


@pytest.mark.parametrize("is_evicted", [False, True])
def test_it_rests_when_nobody_reports_and_begins_anew(world: World, is_evicted: bool) -> None:
    world.answers["ONE"] = (500, "")
    world.sync()
    world.until(START + 3_600_000, is_evicted)
    assert world.storage.alarm_ms is None
    last = len(world.probes)
    if not is_evicted:  # then who wakes up asks at once, to be sure
        assert last < 2 * 6 * 6  # of two variants, six a minute, for five minutes and a little
    world.answers.clear()
    assert set(told(world).values()) <= {"unknown"}
    assert world.storage.alarm_ms == START + 3_600_000
    world.alarm()
    assert len(world.probes) == last + 2
    assert told(world) == {"one": "healthy", "two": "healthy"}


def test_a_bug_does_not_end_the_alarms(world: World) -> None:
    world.sync()
    world.store.policy = None  # type: ignore[assignment]
    world.alarm()
    assert world.events == ["internal-error"]
    assert world.storage.alarm_ms is not None
    assert START < world.storage.alarm_ms <= START + 5_000


def test_an_alarm_that_does_not_come_is_set_again(world: World) -> None:
    world.sync()
    world.alarm()
    world.now += 60_000  # the runtime gave it up
    world.storage.alarm_ms = None
    world.sync()
    assert world.storage.alarm_ms == world.now


def test_without_probes_in_the_policy_it_still_looks_now_and_then(world: World) -> None:
    world.store.policy = compiled(**{**POLICY, "health": {}})
    world.sync()
    world.alarm()
    assert world.storage.alarm_ms == START + 5_000
    assert world.probes == []


def test_a_policy_that_is_pushed_is_taken_by_the_next_alarm(world: World) -> None:
    world.sync()
    world.alarm()
    fewer = {**POLICY, "variants": {"two": {"binding": "OTHER", "pool": "production"}}}
    world.store.pushed, world.store.due = compiled(**fewer), True
    world.alarm()  # which asks KV, and does not wait for it
    world.store.due = False
    world.probes.clear()
    world.until(world.now + 30_000)
    assert {binding for binding, *_ in world.probes} == {"OTHER"}
    assert told(world) == {"two": "healthy"}


@pytest.mark.parametrize("is_evicted", [False, True])
def test_a_variant_with_another_binding_is_probed_anew(world: World, is_evicted: bool) -> None:
    world.answers["TWO"] = (503, "")
    world.sync()
    world.until(START + 20_000)
    assert told(world) == {"one": "healthy", "two": "unhealthy"}
    if is_evicted:
        world.evict()
    variants = dict(POLICY["variants"])
    variants["two"] = variants["two"] | {"binding": "THREE"}
    world.store.policy = compiled(**POLICY | {"variants": variants})
    world.answers["THREE"] = OSError("no answer yet")
    world.until(START + 25_000)
    assert told(world).get("two", "unknown") == "unknown"
    assert world.probes[-1][0] == "THREE"
    del world.answers["THREE"]
    world.until(START + 45_000)
    assert told(world) == {"one": "healthy", "two": "healthy"}


def test_a_report_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="report"):
        asyncio.run(world.object.sync("{}"))
