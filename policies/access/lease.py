"""An isolate's state for one limited key: a lease, a denial, or neither; then it asks the limiter.

It asks for as many requests as it is likely to use within a lease: twice as many as the last time
if those were used up before its end, else as many as were used. Unused requests of a lease go back
with the next question. A question may fail, or its answer come late: then it is not known what was
granted, and it counts as used.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Literal, NamedTuple

from policies.access.bucket import Ask, Grant
from policies.access.gcra import Rate

LEASE_MS = 1_000  # the longest; longer ones would deny other isolates more
MAX_LEASES = 16  # if many requests ask at the same time

SOONEST_MS = 1_000  # the shortest `Retry-After` of a denied client
PER_QUESTION = 20  # so many requests are denied within that time before one asks again

Mode = Literal["exact", "leased"]


class LeaseTerms:
    """How a rate is leased; computed once for each limit.

    A lease lasts a tenth of the time in which a whole burst comes back. So at most a tenth of a
    burst is lost by charging leases at their end, and at ten times the rate a denial or a lease
    serves ten requests or more.
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
    """A lease of `number` requests, `left` of which may still pass before `until_ms`."""

    __slots__ = ("grant", "left", "number", "until_ms")

    def __init__(self, grant: int, number: int, until_ms: float) -> None:
        self.grant = grant
        self.number = number
        self.left = number - 1  # without the request that asked
        self.until_ms = until_ms


class Lent(NamedTuple):
    """A lease that JavaScript counts down: `left` requests may pass before `until_ms`, `others`
    more could pass now, and a whole burst could at `full_at_ms`. `purse`: the number of its key,
    which never changes."""

    purse: int
    left: int
    until_ms: float
    others: int
    full_at_ms: float


Reclaim = Callable[[int], int]  # ends the lease lent for a purse, and returns what is left of it
_purses = count(1)


class Local:
    """The state, by the isolate's clock. `denied_ms`: no request passes before."""

    __slots__ = (
        *("_asked_ms", "_asking_ms", "_denials", "_full_at_ms", "_leases", "_lent", "_purse"),
        *("_reclaim", "_spare", "_terms", "_want", "denied_ms"),
    )

    def __init__(self, terms: LeaseTerms) -> None:
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
        """Lend `lease` to a caller that counts it down, until it is needed here."""
        self._purse = self._purse or next(_purses)
        self._lent, self._reclaim = lease, reclaim
        left, lease.left = lease.left, 0
        return Lent(self._purse, left, lease.until_ms, self.remaining(), self._full_at_ms)

    def _take_back(self) -> None:
        lease, self._lent = self._lent, None
        if lease:
            lease.left += self._reclaim(self._purse)

    def lease(self, now_ms: float) -> Lease | None:
        """Return a lease by which a request may pass. The caller counts the request."""
        self._take_back()
        for lease in self._leases:
            if lease.left and now_ms < lease.until_ms:
                return lease
        return None

    def denies(self, now_ms: float) -> bool:
        """Return whether no request passes and asking is no use: the limiter has denied, or another
        request is asking whether it still does."""
        if now_ms >= self.denied_ms and now_ms >= self._asking_ms and not self._holds(now_ms):
            return False
        if self.lease(now_ms):
            return False
        self._denials += 1
        return True

    def _holds(self, now_ms: float) -> bool:
        """Return whether a denial still holds for clients that do not wait: they were told to come
        back in a second or more."""
        if not 0 < self._denials < PER_QUESTION or not self._terms.lease_ms:
            return False
        return now_ms < self._asked_ms + SOONEST_MS

    def question(self, now_ms: float, patience_ms: float) -> Ask:
        """Return the question for the limiter. An answer after `patience_ms` is ignored."""
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
            self._want = max(self._want, terms.hold)  # more requests come than may pass
        if now_ms < self.denied_ms + terms.lease_ms:
            self._asking_ms = now_ms + patience_ms
        return Ask(terms.rate, self._want, terms.lease_ms, terms.hold, tuple(unused))

    def answered(self, asked_ms: float, grant: Grant) -> None:
        """Apply the limiter's answer to a question of `asked_ms`; the request that asked uses one
        of the granted. Times count from the question, which is earlier than the grant."""
        self._asked_ms, self._asking_ms = asked_ms, 0.0
        self._denials = 0 if grant.number else 1
        self._spare, self._full_at_ms = grant.spare, asked_ms + grant.full_ms
        self.denied_ms = asked_ms + grant.wait_ms if grant.wait_ms else 0.0
        if grant.number and self._terms.lease_ms:
            until_ms = asked_ms + self._terms.lease_ms
            self._leases = [*self._leases, Lease(grant.id, grant.number, until_ms)][-MAX_LEASES:]

    def unanswered(self) -> None:
        """The question failed."""
        self._asking_ms = 0.0

    def given_back(self) -> None:
        """Forget a denial: requests were given back, so the limiter may grant them again."""
        self.denied_ms = 0.0

    def remaining(self) -> int:
        """Return how many requests would pass now, as far as this isolate knows."""
        return sum(lease.left for lease in self._leases) + self._spare

    def retry_ms(self, now_ms: float) -> float:
        """Return how long to wait after a denial."""
        return max(0.0, self.denied_ms - now_ms, self._asking_ms - now_ms)

    def full_ms(self, now_ms: float) -> float:
        """Return the time until a whole burst could pass."""
        return max(0.0, self._full_at_ms - now_ms)


def _nothing(purse: int) -> int:
    return 0
