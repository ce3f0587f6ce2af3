"""Leases that are lent: JavaScript counts them down, and Python asks for the rest of them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from policies.access.bucket import Ask, Bucket
from policies.access.gcra import Rate
from policies.access.rate_limits import Limit, LimitSpec
from router.edge.isolate.metrics import Metrics
from router.edge.isolate.rate_limits import AskLimiter, Limiting, Limits
from tests.policies.access.rates import START, assert_bounded
from tests.policies.making import request
from tests.support.examples import examples

RATES = (Rate(100, 60_000, 100), Rate(1_000, 1_000, 50), Rate(10, 1_000, 10))
ARRIVALS = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=120)


class Isolate:
    """One of several: requests that Python decides, and those that are repeated."""

    def __init__(self, rate: Rate, limiter: Bucket, passed: list[int]) -> None:
        self._limit = Limit(LimitSpec("few", rate, "route", "", "leased", "deny"))
        self._limiter, self._passed = limiter, passed
        self._limits = Limits(Metrics(), lambda event, fields: None)
        self._purses: dict[int, tuple[int, float]] = {}  # what is left, and until when
        self.denied = 0

    def decide(self, now: int) -> None:
        limiting = Limiting(self._limits, request(), "r", now)
        way, answer = limiting.charge([self._limit], None), None
        while True:
            try:
                effect = way.send(answer)
            except StopIteration as end:
                charged = end.value
                break
            answer = [now, self._take(effect.question, now), ""]
            assert isinstance(effect, AskLimiter)
        if charged.problem:
            self.denied += 1
            return
        self._passed.append(now)
        if limiting.is_leased:
            for _, lent in limiting.lend(self._reclaim):
                self._purses[lent.purse] = (lent.left, lent.until_ms)

    def repeat(self, now: int) -> None:
        """As `passes` in memory.js does it; else Python decides."""
        for purse, (left, until_ms) in self._purses.items():
            if left and now < until_ms:
                self._purses[purse] = (left - 1, until_ms)
                self._passed.append(now)
                return
        self.decide(now)

    def _take(self, question: str, now: int) -> str:
        rate, want, lease_ms, hold, returns = json.loads(question)
        return json.dumps(self._limiter.take(Ask(Rate(*rate), want, lease_ms, hold, returns), now))

    def _reclaim(self, purse: int) -> int:
        left, until_ms = self._purses.get(purse, (0, 0.0))
        self._purses[purse] = (0, until_ms)
        return left


def go(rate: Rate, isolates: int, arrivals: list[tuple[int, bool]]) -> tuple[list[int], int]:
    """When requests have passed, and how many were denied. Each comes so much later than the one
    before, and is repeated if it can be."""
    passed: list[int] = []
    limiter, now = Bucket(rate), START
    found = [Isolate(rate, limiter, passed) for _ in range(isolates)]
    for number, (later, may_repeat) in enumerate(arrivals):
        now += later
        isolate = found[number % isolates]
        (isolate.repeat if may_repeat else isolate.decide)(now)
    return passed, sum(each.denied for each in found)


@examples(300)
@given(st.sampled_from(RATES), st.integers(1, 3), ARRIVALS)
def test_no_more_pass_than_the_limit_lets(
    rate: Rate, isolates: int, arrivals: list[tuple[int, bool]]
) -> None:
    assert_bounded(rate, go(rate, isolates, arrivals)[0])


@examples(200)
@given(st.lists(st.booleans(), min_size=120, max_size=120))
def test_nothing_of_a_lease_is_lost_between_the_two(may_repeat: list[bool]) -> None:
    """Of a burst that they can have, all have passed, whoever counts."""
    rate = Rate(132, 3_600_000, 132)  # a tenth of a burst may be held back
    assert go(rate, 1, [(5, each) for each in may_repeat])[1] == 0
