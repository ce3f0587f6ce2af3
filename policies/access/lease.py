"""What an isolate knows of one limited key: requests it may let through by itself, until
when none passes, or neither, and then the limiter has to be asked.

It asks for as many requests as it is likely to get within a lease: twice as many as the
last time if those were used up before its end, else as many as were used. What a lease
did not use goes back with the next question. A question may fail or its answer come late:
then nobody knows what was granted, so it counts as used.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Literal, NamedTuple

from policies.access.bucket import Ask, Grant
from policies.access.gcra import Rate

LEASE_MS = 1_000  # at most; longer ones would keep more from other isolates
MAX_LEASES = 16  # at once, if many requests asked at the same time

SOONEST_MS = 1_000  # after which a denied client is told to come back
PER_QUESTION = 20  # requests that are denied within that time before one asks again

Mode = Literal["exact", "leased"]


class Terms:
    """How a rate is leased; computed once for each limit.

    A lease lasts a tenth of the time in which a whole burst comes back: so at most a tenth
    of a burst is lost to what its end is charged for, and at ten times the rate a denial
    or a lease lasts for ten requests or more.
    """

    __slots__ = ("hold", "lease_ms", "rate")

    def __init__(self, rate: Rate, mode: Mode) -> None:
        self.rate = rate
        self.lease_ms, self.hold = 0, 1
        if mode == "leased":
            interval_ms, span_ms = rate.per_ms // rate.requests, rate.span // rate.requests
            self.lease_ms = min(LEASE_MS, max(interval_ms, span_ms // 10))
            within = -(-self.lease_ms * rate.requests // rate.per_ms)
            self.hold = min(rate.burst, max(within, 2 if rate.burst >= 10 else 1))


class Lease:
    """Of `number` requests `left` may still pass before `until_ms`."""

    __slots__ = ("grant", "left", "number", "until_ms")

    def __init__(self, grant: int, number: int, until_ms: float) -> None:
        self.grant = grant
        self.number = number
        self.left = number - 1  # the one that asked
        self.until_ms = until_ms


class Lent(NamedTuple):
    """A lease that somebody else counts down: how many requests are `left` before `until_ms`,
    how many more would pass now (`others`), and when all is as in the beginning. `purse`: a
    number that stays the same for its key."""

    purse: int
    left: int
    until_ms: float
    others: int
    full_at_ms: float


Reclaim = Callable[[int], int]  # what is left of the lease lent for a purse; it ends with that
_purses = count(1)


class Local:
    """The state, by the isolate's clock. `denied_ms`: none passes before."""

    __slots__ = (
        *("_asked_ms", "_asking_ms", "_denials", "_full_at_ms", "_leases", "_lent", "_purse"),
        *("_reclaim", "_spare", "_terms", "_want", "denied_ms"),
    )

    def __init__(self, terms: Terms) -> None:
        self.denied_ms = 0.0
        self._terms = terms
        self._asked_ms = 0.0
        self._asking_ms = 0.0
        self._denials = 0  # since a question was answered
        self._leases: list[Lease] = []
        self._want = 1
        self._spare = 0
        self._full_at_ms = 0.0
        self._lent: Lease | None = None
        self._purse = 0
        self._reclaim: Reclaim = _nothing

    def lend(self, lease: Lease, reclaim: Reclaim) -> Lent:
        """Let somebody else count `lease` down, until it is needed here."""
        self._purse = self._purse or next(_purses)
        self._lent, self._reclaim = lease, reclaim
        left, lease.left = lease.left, 0
        return Lent(self._purse, left, lease.until_ms, self.remaining(), self._full_at_ms)

    def _take_back(self) -> None:
        lease, self._lent = self._lent, None
        if lease:
            lease.left += self._reclaim(self._purse)

    def lease(self, now_ms: float) -> Lease | None:
        """A lease by which a request may pass; the caller takes it out."""
        self._take_back()
        for lease in self._leases:
            if lease.left and now_ms < lease.until_ms:
                return lease
        return None

    def denies(self, now_ms: float) -> bool:
        """Whether none passes, and it is no use to ask: the limiter has said so, or another
        request asks whether that is still so."""
        if now_ms >= self.denied_ms and now_ms >= self._asking_ms and not self._holds(now_ms):
            return False
        if self.lease(now_ms):
            return False
        self._denials += 1
        return True

    def _holds(self, now_ms: float) -> bool:
        """Whether a denial still holds for clients that do not care: nobody has been told to
        come back in less than a second."""
        if not 0 < self._denials < PER_QUESTION or not self._terms.lease_ms:
            return False
        return now_ms < self._asked_ms + SOONEST_MS

    def question(self, now_ms: float, patience_ms: float) -> Ask:
        """What to ask the limiter; an answer after `patience_ms` will not be heard."""
        self._take_back()
        terms = self._terms
        unused = [(lease.grant, lease.left) for lease in self._leases if lease.left]
        if self._leases:
            granted = sum(lease.number for lease in self._leases)
            used = granted - sum(left for _, left in unused)
            is_short = not unused and any(now_ms < lease.until_ms for lease in self._leases)
            self._want = min(2 * used, terms.rate.burst) if is_short else max(1, used)
            self._leases = []
        if self._denials:
            self._want = max(self._want, terms.hold)  # there are more than may pass
        if now_ms < self.denied_ms + terms.lease_ms:
            self._asking_ms = now_ms + patience_ms
        return Ask(terms.rate, self._want, terms.lease_ms, terms.hold, tuple(unused))

    def answered(self, asked_ms: float, grant: Grant) -> None:
        """The limiter's answer to a question of `asked_ms`; the request that asked has its
        part of it. Times count from the question on, which came before the grant."""
        self._asked_ms, self._asking_ms = asked_ms, 0.0
        self._denials = 0 if grant.number else 1
        self._spare, self._full_at_ms = grant.spare, asked_ms + grant.full_ms
        self.denied_ms = asked_ms + grant.wait_ms if grant.wait_ms else 0.0
        if grant.number and self._terms.lease_ms:
            until_ms = asked_ms + self._terms.lease_ms
            self._leases = [*self._leases, Lease(grant.id, grant.number, until_ms)][-MAX_LEASES:]

    def unanswered(self) -> None:
        """The question has failed."""
        self._asking_ms = 0.0

    def given_back(self) -> None:
        """The limiter may grant again what it did."""
        self.denied_ms = 0.0

    def remaining(self) -> int:
        """How many requests would pass now, as far as is known here."""
        return sum(lease.left for lease in self._leases) + self._spare

    def retry_ms(self, now_ms: float) -> float:
        """How long to wait after a denial."""
        return max(0.0, self.denied_ms - now_ms, self._asking_ms - now_ms)

    def full_ms(self, now_ms: float) -> float:
        """How long until all is as in the beginning."""
        return max(0.0, self._full_at_ms - now_ms)


def _nothing(purse: int) -> int:
    return 0
