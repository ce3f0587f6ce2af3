"""A limiter, kept in a storage that outlives it."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from types import SimpleNamespace

import pytest

from policies.access.gcra import Rate
from router.edge.limiter.object import LimiterObject
from tests.policies.access.rates import START, assert_bounded
from tests.router.edge.storage import Storage
from tests.support.running import run


class World:
    """A limiter that can be evicted, and a clock."""

    def __init__(self) -> None:
        self.now = START
        self.storage = Storage()
        self.id = 64 * "0"
        self.evict()

    def evict(self) -> None:
        object_id = SimpleNamespace(toString=lambda: self.id)
        self.limiter = LimiterObject(self.storage, object_id, lambda: float(self.now))

    def take(self, rate: Rate, want: int = 1, lease_ms: int = 0) -> list[int]:
        question = json.dumps([rate, want, lease_ms, 1, []])
        answer: list[int] = json.loads(run(self.limiter.take(question)))
        return answer

    def passed(self, rate: Rate, number: int) -> int:
        return sum(self.take(rate)[1] for _ in range(number))

    def give_back(self, grant: int) -> None:
        run(self.limiter.give_back(json.dumps([grant, 1])))

    def alarm(self) -> None:
        run(self.limiter.alarm())


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("rate", [Rate(10, 10_000, 10), Rate(200, 1_000, 100), Rate(5, 60_000, 5)])
def test_an_eviction_lets_nothing_too_much_through(world: World, rate: Rate) -> None:
    passed = []
    for _ in range(30):
        passed += [world.now] * world.passed(rate, 7)
        world.evict()
        world.now += 37
    assert_bounded(rate, passed)


@pytest.mark.parametrize("rate", [Rate(10, 60_000, 10), Rate(200, 60_000, 100), Rate(5, 60_000, 5)])
def test_an_eviction_costs_at_most_a_second(world: World, rate: Rate) -> None:
    assert world.passed(rate, 3) == 3
    world.evict()
    left = rate.burst - 3
    assert left - rate.requests * 1_000 // rate.per_ms <= world.passed(rate, 200) <= left


def test_without_an_eviction_exactly_the_limit_passes(world: World) -> None:
    assert world.passed(Rate(100, 60_000, 100), 300) == 100


def test_not_every_grant_is_written(world: World) -> None:
    assert world.passed(Rate(200, 1_000, 100), 100) == 100
    assert world.storage.writes == 10  # a tenth of the burst ahead


def test_a_slow_limit_writes_every_grant_and_no_denial(world: World) -> None:
    assert world.passed(Rate(5, 60_000, 5), 50) == 5
    assert world.storage.writes == 5


def test_what_is_given_back_can_be_had_again(world: World) -> None:
    rate = Rate(5, 60_000, 5)
    first = world.take(rate)
    assert world.passed(rate, 9) == 4
    world.give_back(first[0])
    assert world.passed(rate, 9) == 1


def test_another_rate_holds_at_once_also_after_an_eviction(world: World) -> None:
    assert world.passed(Rate(5, 3_600_000, 5), 9) == 5
    assert world.passed(Rate(8, 1_000, 8), 9) == 3
    world.evict()
    assert world.passed(Rate(8, 1_000, 8), 9) == 0
    assert world.passed(Rate(20, 1_000, 20), 99) >= 10


def test_an_idle_limiter_deletes_itself(world: World) -> None:
    rate = Rate(5, 600_000, 5)
    assert world.passed(rate, 2) == 2
    alarm_ms = world.storage.alarm_ms
    assert alarm_ms
    world.now = int(alarm_ms)
    world.alarm()  # two requests are two minutes each: not yet
    assert world.storage.values
    alarm_ms = world.storage.alarm_ms
    assert alarm_ms
    world.now = int(alarm_ms)
    world.evict()  # as it would be by then
    world.alarm()
    assert not world.storage.values
    assert world.storage.alarm_ms is None
    assert world.passed(rate, 9) == 5
    assert world.storage.alarm_ms


def test_a_busy_limiter_keeps_its_state_past_alarms(world: World) -> None:
    rate, passed = Rate(10, 60_000, 10), 0
    for _ in range(200):
        world.now += 1_000
        passed += world.passed(rate, 1)
        if world.storage.alarm_ms and world.storage.alarm_ms <= world.now:
            world.alarm()
    assert 10 + 30 <= passed <= 10 + 34


def test_limiters_that_begin_together_wake_apart(world: World) -> None:
    """14.19: 3,600 clients come at once, and their limiters end at once, a minute later."""
    wakes = []
    for number in range(3_600):
        world.id = sha256(str(number).encode()).hexdigest()
        world.storage.alarm_ms = None
        world.evict()
        world.storage.values.clear()
        world.take(Rate(10, 60_000, 10))
        assert world.storage.alarm_ms
        wakes.append(int(world.storage.alarm_ms) - world.now)
    assert min(wakes) >= 60_000
    assert max(Counter(wake // 1_000 for wake in wakes).values()) < 3_600 // 100


def test_a_limiter_that_wakes_to_delete_asks_for_nothing_else(world: World) -> None:
    """14.19: thousands do so; the object's id is only wanted where an alarm is set."""
    world.take(Rate(10, 60_000, 10))
    assert world.storage.alarm_ms
    world.now = int(world.storage.alarm_ms)
    del world.id  # whoever asks for it fails
    world.evict()
    world.alarm()
    assert not world.storage.values
