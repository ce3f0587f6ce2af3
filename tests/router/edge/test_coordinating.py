"""The isolate's side of the Coordinator, with a Coordinator that does whatever is asked."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest

from policies.fleet.health import TOLD_FOR_MS
from policies.fleet.snapshot import CoordinatorView, Snapshot, snapshot_json
from router.edge.isolate.coordinating import (
    JITTER,
    LOST_MS,
    OLD_MS,
    WAITS,
    Coordinating,
)
from router.edge.isolate.metrics import Metrics
from router.edge.isolate.timing import DEFAULTS
from tests.policies.rollouts.making import TOLD as ROLLOUT
from tests.support.running import run

START = 1_800_000_000_000.0
WAITS_MS = [times * DEFAULTS.report_ms for times in WAITS]


class Late(Exception):
    """As JavaScript's errors come."""

    name = "TimeoutError"


class Health:
    """What the isolate would tell, and what it learned."""

    def __init__(self) -> None:
        self.is_urgent = False
        self.counts = 0
        self.learned: list[Snapshot | None] = []

    def report(self, now_ms: float) -> dict[str, dict[str, int]]:
        self.is_urgent = False
        return {"one": {"requests": self.counts, "failures": 0, "ejected_ms": 0}}

    def taken(self, report: dict[str, dict[str, int]]) -> None:
        self.counts -= report["one"]["requests"]

    def learn(self, snapshot: Snapshot | None, now_ms: float) -> None:
        self.learned.append(snapshot)


class World:
    def __init__(self) -> None:
        self.now = START
        self.health = Health()
        self.metrics = Metrics()
        self.events: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.side = Coordinating(
            self.health,
            self.metrics,
            Random(1),
            lambda: self.now,
            lambda e, _: self.events.append(e),
        )

    def sync(self, answer: str | Exception) -> bool:
        """One request; whether it synced."""
        if self.now < self.side.due_ms or not self.side.begin(self.now):
            return False
        run(self.side.sync(self.asked(answer), "ab12", "FRA", "digest"))
        return True

    def asked(self, answer: str | Exception) -> Any:
        async def ask(report: str) -> str:
            self.reports.append(json.loads(report))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    def waits(self, number: int, answer: str | Exception) -> list[float]:
        """Times between syncs, with a request each 10 ms."""
        found: list[float] = []
        last = self.now
        while len(found) < number:
            if self.sync(answer):
                found.append(self.now - last)
                last = self.now
            self.now += 10
        return found


@pytest.fixture
def world() -> World:
    return World()


def snapshot(version: int = 1, epoch: str = "e1", **variants: CoordinatorView) -> str:
    return snapshot_json(Snapshot(epoch, version, variants, []))


def name(version: int = 1, epoch: str = "e1") -> str:
    return json.dumps({"epoch": epoch, "version": version})


def test_the_first_request_syncs_and_the_next_does_not(world: World) -> None:
    assert world.sync(snapshot())
    assert not world.sync(snapshot())
    report = {"isolate": "ab12", "colo": "FRA", "epoch": None, "version": 0, "digest": "digest"}
    tally = {"requests": 0, "failures": 0, "ejected_ms": 0}
    assert world.reports == [{**report, "variants": {"one": tally}, "rollouts": {}}]


def test_it_is_due_every_five_seconds_more_or_less(world: World) -> None:
    waits = world.waits(50, snapshot())[1:]
    shortest, longest = WAITS_MS[0] * (1 - JITTER), WAITS_MS[0] * (1 + JITTER)
    assert all(shortest <= wait <= longest + 10 for wait in waits)
    assert max(waits) - min(waits) > WAITS_MS[0] * JITTER  # isolates come apart


@pytest.mark.parametrize("failure", [Late("late"), OSError("no"), "{", "[]", "{}", "7"])
def test_while_it_is_away_it_is_asked_less_and_less_often(
    world: World, failure: str | Exception
) -> None:
    waits = world.waits(7, failure)[1:]
    for wait, stated in zip(waits, [*WAITS_MS, *WAITS_MS[-1:] * 2], strict=False):
        assert stated * (1 - JITTER) <= wait <= stated * (1 + JITTER) + 10
    assert world.side.error is not None
    assert world.health.learned == []
    assert world.events == ["coordinator-away"]  # said once
    while not world.sync(snapshot()):
        world.now += 10
    assert world.events == ["coordinator-away", "coordinator-back"]
    assert world.side.error is None
    assert world.side.due_ms - world.now <= WAITS_MS[-1] * (1 + JITTER)
    assert sum(world.metrics.coordinator_syncs.values()) == 8


def test_results_are_counted(world: World) -> None:
    for answer in (snapshot(), OSError("no"), Late("late"), "nonsense"):
        world.now += 100_000
        assert world.sync(answer)
    told = world.metrics.coordinator_syncs
    assert told == {("ok",): 1, ("error",): 2, ("timeout",): 1}


def test_an_ejection_hurries_but_at_most_once_a_second(world: World) -> None:
    assert world.sync(snapshot())
    for number in (1, 2, 3):
        world.side.hurry()
        assert not world.sync(name())
        world.now += DEFAULTS.hurry_ms
        assert world.sync(name()), number


def test_nobody_hurries_to_one_who_is_away(world: World) -> None:
    assert world.sync(OSError("no"))
    world.side.hurry()
    world.now += DEFAULTS.hurry_ms * 2
    assert not world.sync(name())


def test_an_ejection_while_a_sync_is_under_way_is_told_next(world: World) -> None:
    async def ask(report: str) -> str:
        world.health.is_urgent = True
        world.side.hurry()
        return snapshot()

    assert world.side.begin(world.now)
    run(world.side.sync(ask, "ab12", "FRA", "digest"))
    world.now += DEFAULTS.hurry_ms
    assert world.sync(name())


def test_there_is_one_at_a_time_and_one_that_is_lost_does_not_block(world: World) -> None:
    assert world.side.begin(world.now)  # its request was broken off: nothing comes of it
    world.side.hurry()
    world.now += DEFAULTS.hurry_ms
    assert not world.sync(name())
    assert not world.sync(name())
    world.now = START + LOST_MS
    assert world.sync(snapshot())


def test_what_is_known_is_asked_for_and_told_no_more(world: World) -> None:
    world.sync(snapshot(4, one=CoordinatorView("unhealthy")))
    world.now += 10_000
    world.sync(name(4))
    assert [(report["epoch"], report["version"]) for report in world.reports] == [
        (None, 0),
        ("e1", 4),
    ]
    told, again = world.health.learned
    assert told
    assert told.variants == {"one": CoordinatorView("unhealthy")}
    assert again is None


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        ([(1, "e1"), (2, "e1")], (2, "e1")),
        ([(3, "e1"), (2, "e1")], (3, "e1")),  # of before
        ([(3, "e1"), (1, "e2")], (1, "e2")),  # it began anew
    ],
)
def test_an_older_answer_is_dropped(
    world: World, answers: list[tuple[int, str]], known: tuple[int, str]
) -> None:
    for version, epoch in answers:
        world.now += 10_000
        world.sync(snapshot(version, epoch))
    assert (world.side.version, world.side.epoch) == known
    last = [each for each in world.health.learned if each][-1]
    assert (last.version, last.epoch) == known


def test_two_answers_out_of_order(world: World) -> None:
    """The first was given up; the second is heard before it."""

    async def both() -> None:
        first: asyncio.Future[str] = asyncio.Future()

        async def late(report: str) -> str:
            return await first

        assert world.side.begin(world.now)
        early = asyncio.ensure_future(world.side.sync(late, "ab12", "FRA", "digest"))
        await asyncio.sleep(0)
        world.now += LOST_MS
        assert world.side.begin(world.now)
        await world.side.sync(world.asked(snapshot(1, "e2")), "ab12", "FRA", "digest")
        first.set_result(snapshot(9, "e1"))
        await early

    run(both())
    assert (world.side.epoch, world.side.version) == ("e2", 1)
    assert len(world.health.learned) == 1
    assert world.metrics.coordinator_syncs == {("ok",): 1}


def test_counts_that_were_not_taken_are_told_again_but_never_twice(world: World) -> None:
    told = []
    for answer in (OSError("no"), "{", snapshot(), Late("taken, perhaps"), snapshot(2)):
        world.health.counts += 10
        world.now += 100_000
        world.sync(answer)
        told.append(world.reports[-1]["variants"]["one"]["requests"])
    assert told == [10, 20, 30, 10, 10]


def test_what_is_older_than_a_minute_is_asked_for_anew(world: World) -> None:
    """`Health` has dropped it by then, so the name alone would not bring it back."""
    world.sync(snapshot(4))
    world.now += TOLD_FOR_MS
    world.sync(OSError("no"))
    world.now += TOLD_FOR_MS
    world.sync(snapshot(4))
    assert [report["epoch"] for report in world.reports] == [None, None, None]
    assert [each.version for each in world.health.learned if each] == [4, 4]


def rolled(*rollouts: dict[str, Any], version: int = 1, is_all: bool = True) -> str:
    return snapshot_json(Snapshot("e1", version, {}, [], rollouts, is_all))


def test_rollouts_are_learned_with_the_snapshot(world: World) -> None:
    assert not world.side.rollout_overrides.is_known
    world.sync(rolled(ROLLOUT))
    assert world.side.rollout_overrides.is_known
    assert list(world.side.rollout_overrides.runs) == ["v2"]
    world.now += 60_000
    world.sync(rolled(version=2))
    assert world.side.rollout_overrides.runs == {}


def test_an_older_coordinator_says_nothing_of_rollouts(world: World) -> None:
    world.sync(rolled(ROLLOUT))
    world.now += 60_000
    old = json.loads(rolled(version=2))
    del old["rollouts"], old["is_all"]
    world.sync(json.dumps(old))
    assert list(world.side.rollout_overrides.runs) == ["v2"]


def test_weights_hold_while_the_coordinator_is_away(world: World) -> None:
    world.sync(rolled(ROLLOUT))
    for _ in range(20):
        world.now += 60_000
        world.sync(OSError("away"))
    assert list(world.side.rollout_overrides.runs) == ["v2"]


def test_what_was_counted_is_told_once(world: World) -> None:
    world.sync(rolled(ROLLOUT))
    world.side.tallies.note("r-1", "to", False, 1)
    world.side.tallies.note("r-9", "to", False, 1)  # of which nobody knows any more
    world.now += 60_000
    world.sync(OSError("away"))
    world.now += 60_000
    world.sync(rolled(ROLLOUT, version=2))
    world.now += 60_000
    world.sync(rolled(ROLLOUT, version=2))
    assert [report["rollouts"].get("r-1") for report in world.reports] == [
        None,
        {"to": [1, 0, {"0": 1}]},
        {"to": [1, 0, {"0": 1}]},
        None,
    ]


def test_what_may_have_been_taken_is_not_told_again(world: World) -> None:
    world.sync(rolled(ROLLOUT))
    world.side.tallies.note("r-1", "to", False, 1)
    world.now += 60_000
    world.sync(Late())
    assert world.side.tallies.report() == {}


def first(world: World, answer: str | Exception, copy: bytes | Exception | None) -> None:
    async def read(key: str) -> bytes | None:
        assert key == "policy/rollouts"
        if isinstance(copy, Exception):
            raise copy
        return copy

    run(world.side.learn_first(world.asked(answer), read, "ab12", "FRA", "digest"))


COPY = json.dumps({"rollouts": [ROLLOUT], "is_all": True}).encode()
AWAY = OSError("away")


@pytest.mark.parametrize(
    ("answer", "copy", "names", "events"),
    [
        (rolled(ROLLOUT), AWAY, ["v2"], []),
        (rolled(), COPY, [], []),
        (AWAY, COPY, ["v2"], ["rollouts-not-heard"]),
        (Late(), COPY, ["v2"], ["rollouts-not-heard"]),
        ("nonsense", COPY, ["v2"], ["rollouts-not-heard"]),
        (AWAY, None, [], ["rollouts-not-heard"]),
        (AWAY, AWAY, [], ["rollouts-not-heard", "rollouts-unread"]),
        (AWAY, b"{", [], ["rollouts-not-heard", "rollouts-unread"]),
    ],
)
def test_the_first_requests_wait_to_hear_of_rollouts(
    world: World,
    answer: str | Exception,
    copy: bytes | Exception | None,
    names: list[str],
    events: list[str],
) -> None:
    first(world, answer, copy)
    assert world.side.rollout_overrides.is_known  # so nobody waits any more
    assert (list(world.side.rollout_overrides.runs), world.events) == (names, events)


def test_while_the_copy_is_read_others_wait_too(world: World) -> None:
    async def read(_: str) -> bytes:
        assert not world.side.rollout_overrides.is_known
        return COPY

    run(world.side.learn_first(world.asked(AWAY), read, "ab12", "FRA", "digest"))
    assert list(world.side.rollout_overrides.runs) == ["v2"]


def test_a_copy_that_comes_late_is_not_taken_for_what_was_heard_meanwhile(world: World) -> None:
    async def read(_: str) -> bytes:
        world.side.hear(rolled(version=7))
        return COPY

    run(world.side.learn_first(world.asked(AWAY), read, "ab12", "FRA", "digest"))
    assert world.side.rollout_overrides.runs == {}


def test_an_answer_that_broke_off_is_an_error_of_what_it_counted_for(world: World) -> None:
    world.sync(rolled(ROLLOUT))
    for part in ("r-1/to", "r-9/to", "-"):
        world.side.broke(part)
    assert world.side.tallies.report() == {"r-1": {"to": [0, 1, {}]}}


def test_who_had_no_requests_for_long_asks_again_while_a_rollout_is_under_way(
    world: World,
) -> None:
    under_way = ROLLOUT | {"is_on": True}
    assert world.side.must_learn(world.now)
    first(world, rolled(under_way), None)
    assert not world.side.must_learn(world.now + OLD_MS)
    world.now += OLD_MS + 1
    assert world.side.must_learn(world.now)
    first(world, AWAY, None)
    assert list(world.side.rollout_overrides.runs) == ["v2"]  # what is known holds
    assert not world.side.must_learn(world.now)  # and not every request waits
    world.now += OLD_MS + 1
    world.sync(rolled(ROLLOUT | {"is_on": False}, version=2))
    assert not world.side.must_learn(world.now + 2 * OLD_MS)
