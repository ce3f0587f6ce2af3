"""Retries: whether, where and when a request is tried again.

Attempts go to different variants, in the order of the candidates. A request is tried again only if
that does no harm: its method is idempotent (RFC 9110, section 9.2.2), or it has an
`Idempotency-Key`, or the route says so. The wait doubles with each attempt, with jitter, so that
clients that failed together do not come back together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal, NamedTuple, TypeVar

from policies.http.limits import content_length, has_content
from policies.resilience.latency import Hedge

T = TypeVar("T")
Keeping = Literal["whole", "arriving"]
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
BODILESS = frozenset({"GET", "HEAD"})  # a body would have no meaning (9.3.1)
HEDGED = frozenset({"GET", "HEAD", "OPTIONS"})  # sent twice, they change nothing
MAX_BACKOFF_FACTOR = 10  # as in Envoy: at most ten times the first wait
JITTER = 0.5  # a wait is up to half as long again, and never shorter than configured
BUDGET_WINDOW_MS = 10_000  # as in the Gateway API
BUDGET_FLOOR = 10  # attempts in a window that are always allowed, one a second


class RetryPolicy(NamedTuple):
    """How a route retries.

    `attempts`: how many after the first. `codes`: statuses of responses that are retried.
    `connect`, `timeout`: whether attempts without a response are. `again`: when all candidates have
    been tried, start again with the first. `buffer`: the most bytes of a body that are kept for
    another attempt. `budget`: extra attempts per request, on average; None for no bound. `hedge`:
    when a second attempt starts although the first still runs.
    """

    attempts: int
    codes: frozenset[int]
    connect: bool
    timeout: bool
    non_idempotent: bool
    again: bool
    backoff_ms: int
    buffer: int
    budget: float | None
    hedge: Hedge = None


NEVER = RetryPolicy(0, frozenset(), False, False, False, False, 0, 0, 0.0)


def may_repeat(terms: RetryPolicy, method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a second attempt does no harm, and the policy wants one."""
    if not terms.attempts or "upgrade" in headers:
        return False
    return terms.non_idempotent or method in IDEMPOTENT or "idempotency-key" in headers


def hedge_to(
    terms: RetryPolicy, candidates: Sequence[T], method: str, headers: Mapping[str, str]
) -> T | None:
    """Return the candidate of a hedged request; None if there is none. A hedged request must be
    repeatable, change nothing, and have no body, which would go to two places."""
    if method not in HEDGED or len(candidates) < 2:
        return None
    if has_content(headers):
        return None
    return candidates[1] if may_repeat(terms, method, headers) else None


def keeping(terms: RetryPolicy, headers: Mapping[str, str]) -> Keeping | None:
    """Return how the body can be kept for another attempt: `whole` before the first one if its
    length is announced, `arriving` if not; None if it is too long."""
    length = content_length(headers)
    if length is None:
        return "arriving"
    return "whole" if length <= terms.buffer else None


def plan(terms: RetryPolicy, candidates: Sequence[T]) -> list[T]:
    """Return the variants to try, in order. The first one is tried in any case."""
    tries = list(candidates[: terms.attempts + 1])
    if terms.again:
        while len(tries) <= terms.attempts:
            tries.append(candidates[len(tries) % len(candidates)])
    return tries


def backoff_ms(terms: RetryPolicy, attempt: int, rng: Random) -> float:
    """Return the wait before attempt number `attempt`; 2 is the first that waits."""
    factor: float = min(2 ** (attempt - 2), MAX_BACKOFF_FACTOR)
    return terms.backoff_ms * factor * (1 + JITTER * rng.random())


class RetryBudget:
    """Bounds the extra attempts of a route: in any window a share of its requests, but always a
    few. A hedge is reserved before it is known whether it will be sent. Reservations hold back
    other hedges, but no attempt after a failure."""

    __slots__ = ("_extra", "_requests", "_reserved")

    def __init__(self) -> None:
        self._requests: deque[list[float]] = deque()  # [second, requests] of one window
        self._extra: deque[float] = deque()
        self._reserved: deque[float] = deque()

    def request(self, now_ms: float) -> None:
        """Count a request."""
        second = now_ms // 1000
        if self._requests and self._requests[-1][0] == second:
            self._requests[-1][1] += 1
        else:
            self._requests.append([second, 1])
            self._forget(now_ms)

    def take(self, budget: float | None, now_ms: float) -> bool:
        """Return whether one more attempt is allowed, and count it."""
        if budget is None:
            return True
        limit = self._limit(budget, now_ms)
        if len(self._extra) >= limit:
            return False
        self._extra.append(now_ms)
        return True

    def reserve(self, budget: float | None, now_ms: float) -> bool:
        """Return whether a hedge is allowed, and reserve it."""
        limit = None if budget is None else self._limit(budget, now_ms)
        if limit is not None and len(self._extra) + len(self._reserved) >= limit:
            return False
        self._reserved.append(now_ms)
        return True

    def settle(self, now_ms: float, *, is_sent: bool) -> None:
        """End a reservation: the hedge was sent, or was not needed."""
        if self._reserved:
            self._reserved.popleft()
        if is_sent:
            self._extra.append(now_ms)

    def _limit(self, budget: float, now_ms: float) -> int:
        self._forget(now_ms)
        requests = sum(count for _, count in self._requests)
        return max(BUDGET_FLOOR, int(budget * requests))

    def _forget(self, now_ms: float) -> None:
        begins = now_ms - BUDGET_WINDOW_MS
        # A second's requests stay as long as one of them may be in the window. Otherwise the extra
        # attempts of that second would outlive them, and use up a budget of 100%.
        while self._requests and (self._requests[0][0] + 1) * 1000 <= begins:
            self._requests.popleft()
        for times in (self._extra, self._reserved):  # of some, the end is never heard
            while times and times[0] < begins:
                times.popleft()
