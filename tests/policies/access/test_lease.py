"""Leases: several isolates and one limiter, with answers that are late or lost."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access.bucket import Ask, Bucket, Grant
from policies.access.gcra import Rate
from policies.access.lease import LEASE_MS, PER_QUESTION, SOONEST_MS, LeaseTerms, Local, Mode
from tests.policies.access.rates import RATES, START, assert_bounded

PATIENCE_MS = 150


class World:
    """Isolates and a limiter on one clock. Every question and every answer travels for a
    while; an answer that takes too long is not heard, and a question may get lost."""

    def __init__(
        self, rate: Rate, mode: Mode, isolates: int, travel: int = 0, loss: float = 0, seed: int = 1
    ) -> None:
        self.terms = LeaseTerms(rate, mode)
        self.limiter = Bucket(rate)
        self.isolates = [Local(self.terms) for _ in range(isolates)]
        self.passed: list[int] = []
        self.questions = self.denied = self.failed = 0
        self._rng = Random(seed)
        self._travel = travel
        self._loss = loss
        self._events: list[tuple[int, int, object]] = []
        self._number = count()

    def run(self, arrivals: list[tuple[int, int]]) -> None:
        """`arrivals`: when a request comes to which isolate."""
        for at, isolate in arrivals:
            self._later(at, self._request(at, self.isolates[isolate]))
        while self._events:
            at, _, work = heapq.heappop(self._events)
            self._go_on(at, work)

    def _later(self, at: int, work: object) -> None:
        heapq.heappush(self._events, (at, next(self._number), work))

    def _go_on(self, at: int, work: Iterator[int]) -> None:
        pause = next(work, None)
        if pause is not None:
            self._later(at + pause, work)

    def _request(self, now: int, local: Local) -> Iterator[int]:
        yield 0
        lease = local.lease(now)
        if lease:
            lease.left -= 1
            self.passed.append(now)
        elif local.denies(now):
            self.denied += 1
        else:
            yield from self._ask(now, local, local.question(now, PATIENCE_MS))

    def _ask(self, now: int, local: Local, ask: Ask) -> Iterator[int]:
        self.questions += 1
        there, back = (self._rng.randint(0, self._travel) for _ in range(2))
        yield there
        heard = there + back < PATIENCE_MS and self._rng.random() >= self._loss
        grant = Grant(0, 0, 0, 0, 0)
        if heard or self._rng.random() < 0.5:  # what is not heard may have been asked
            grant = self.limiter.take(ask, now + there)
        if not heard:
            yield PATIENCE_MS - min(there, PATIENCE_MS)
            self.failed += 1
            local.unanswered()
            return
        if grant.number:
            self.passed.append(now + there)  # the limiter decided it then
        yield back
        local.answered(now, grant)
        self.denied += 0 if grant.number else 1


ARRIVALS = st.lists(
    st.tuples(st.sampled_from((0, 0, 0, 1, 5, 20, 100, 900, 1_500)), st.integers(0, 3)),
    max_size=60,
)


@pytest.mark.parametrize("mode", ["exact", "leased"])
@given(RATES, ARRIVALS, st.integers(0, 1_000), st.sampled_from((0, 5, 50, 200)))
def test_isolates_together_never_pass_the_limit(
    mode: Mode, rate: Rate, pauses: list[tuple[int, int]], seed: int, travel: int
) -> None:
    world, now, arrivals = World(rate, mode, 4, travel, 0.1, seed), START, []
    for pause, isolate in pauses:
        now += pause
        arrivals.append((now, isolate))
    world.run(arrivals)
    assert_bounded(rate, world.passed)
    assert len(world.passed) + world.denied + world.failed == len(arrivals)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "isolates"),
    [
        (Rate(20, 1_000, 20), 1),
        (Rate(20, 1_000, 20), 5),
        (Rate(100, 1_000, 100), 1),
        (Rate(100, 1_000, 100), 5),
        (Rate(100, 60_000, 100), 1),
        (Rate(600, 60_000, 60), 3),
    ],
)
def test_at_ten_times_the_limit_one_question_serves_ten_requests(rate: Rate, isolates: int) -> None:
    world = World(rate, "leased", isolates, travel=2)
    span_ms = 3 * rate.per_ms
    number = 10 * rate.requests * 3
    world.run([(START + n * span_ms // number, n % isolates) for n in range(number)])
    assert_bounded(rate, world.passed)
    assert world.questions <= number / 10
    # Hardly anything is lost to leases: three periods and a burst, but for a tenth.
    assert len(world.passed) >= 0.9 * (rate.burst + 3 * rate.requests - 1)


@pytest.mark.parametrize("mode", ["exact", "leased"])
def test_a_whole_burst_can_be_had_at_once(mode: Mode) -> None:
    rate = Rate(100, 60_000, 100)
    world = World(rate, mode, 1)
    world.run([(START + n, 0) for n in range(200)])
    assert len(world.passed) == 100 if mode == "exact" else len(world.passed) >= 98


def test_a_slow_client_never_takes_more_than_it_uses() -> None:
    rate = Rate(5, 60_000, 5)
    world = World(rate, "leased", 1)
    world.run([(START + n * 12_000, 0) for n in range(50)])
    assert world.questions == len(world.passed) == 50


def local_with(rate: Rate, want: int = 1) -> tuple[Local, Bucket]:
    local = Local(LeaseTerms(rate, "leased"))
    local._want = want
    return local, Bucket(rate)


def test_a_lease_ends_and_what_is_left_goes_back_with_the_next_question() -> None:
    rate = Rate(1_000, 10_000, 1_000)
    local, bucket = local_with(rate, want=10)
    grant = bucket.take(local.question(START, PATIENCE_MS), START)
    local.answered(START, grant)
    assert grant.number == 10
    for _ in range(4):
        lease = local.lease(START + LEASE_MS - 1)
        assert lease
        lease.left -= 1
    assert local.lease(START + LEASE_MS) is None
    ask = local.question(START + LEASE_MS, PATIENCE_MS)
    assert ask.returns == ((grant.id, 5),)
    assert ask.want == 5
    assert local.question(START + LEASE_MS, PATIENCE_MS).returns == ()  # never twice


def test_a_denial_costs_no_more_questions_until_it_ends_and_then_one() -> None:
    rate = Rate(20, 1_000, 20)
    local, bucket = local_with(rate)
    bucket.tat = START * rate.requests + rate.span
    local.answered(START, bucket.take(local.question(START, PATIENCE_MS), START))
    assert local.denies(START)
    end = int(local.denied_ms)
    assert end == START + 100  # as long as two requests take: one lease
    assert all(local.denies(end) for _ in range(PER_QUESTION - 2))  # clients that do not care
    assert not local.denies(end)
    ask = local.question(end, PATIENCE_MS)
    assert local.denies(end)  # one asks, the others wait
    assert not local.denies(end + PATIENCE_MS)  # but not for one that never comes back
    local.answered(end, bucket.take(ask, end))
    assert local.lease(end)  # what has come back meanwhile is had with that one question


def test_a_client_that_comes_back_when_it_was_told_is_not_denied_by_hearsay() -> None:
    rate = Rate(20, 1_000, 20)
    local, bucket = local_with(rate)
    bucket.tat = START * rate.requests + rate.span
    local.answered(START, bucket.take(local.question(START, PATIENCE_MS), START))
    assert local.denies(START + 50)
    assert not local.denies(START + 50 + SOONEST_MS)


def test_after_a_long_pause_everybody_may_ask() -> None:
    rate = Rate(20, 1_000, 20)
    local, bucket = local_with(rate)
    bucket.tat = START * rate.requests + rate.span
    local.answered(START, bucket.take(local.question(START, PATIENCE_MS), START))
    later = START + 5_000
    local.question(later, PATIENCE_MS)
    assert not local.denies(later)


@given(RATES, st.sampled_from(("exact", "leased")))
def test_terms(rate: Rate, mode: Mode) -> None:
    terms = LeaseTerms(rate, mode)
    assert 0 <= terms.lease_ms <= LEASE_MS
    assert 1 <= terms.hold <= rate.burst
    assert mode == "leased" or (terms.lease_ms, terms.hold) == (0, 1)
