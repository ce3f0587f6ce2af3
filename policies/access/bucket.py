"""The limiter's state for one key: a bucket, and the latest grants.

A grant lets one request pass now and, with a lease, more within `lease_ms`. The bound of `gcra.py`
has to hold for the times at which requests pass, not for those of grants. So leased requests are
charged as if each came when the lease ends. Then, for every time a, the TAT is at least a plus the
cost of all requests from a on, whenever in the lease they come; and it is at most a burst ahead of
the clock when something is granted.

Requests that are given back are removed from the list of grants, and the list is charged anew: the
bucket is as if they had never been granted. Subtracting them from the TAT would let too much pass
if the bucket was full in between. Grants too old for the list stay charged.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from policies.access.gcra import Rate, charged, full_ms, spare, wait_ms

REMEMBERED = 64  # grants that may still be given back

Return = tuple[int, int]  # the id of a grant, and how many of its requests did not pass


class Ask(NamedTuple):
    """A question for `want` requests, one of which is waiting. `hold`: so many must be possible
    again before it makes sense to ask after a denial."""

    rate: Rate
    want: int
    lease_ms: int
    hold: int
    returns: tuple[Return, ...]


class Grant(NamedTuple):
    """The answer: `number` requests may pass, 0 for a denial. `spare`: how many more could pass
    now; `wait_ms`: ask again no earlier; `full_ms`: until a whole burst could pass."""

    id: int
    number: int
    spare: int
    wait_ms: int
    full_ms: int


class GrantCharge(NamedTuple):
    grant: int
    at_ms: int
    number: int


class Bucket:
    """The state. `rate` is that of the last question, and may change."""

    def __init__(self, rate: Rate, tat: int = 0) -> None:
        self.rate = rate
        self.tat = tat
        self._base = tat  # before the listed charges
        self._charges: deque[GrantCharge] = deque()
        self._last_id = 0

    def take(self, ask: Ask, now_ms: int) -> Grant:
        """Grant as many requests as fit, or deny."""
        self._adopt(ask.rate, now_ms)
        for grant, number in ask.returns:
            self.give_back(grant, number)
        rate = self.rate
        if not spare(rate, self.tat, now_ms, now_ms):
            return self._grant(0, 0, ask.hold, now_ms)
        self._last_id = max(self._last_id + 1, now_ms * 1000)
        self._charge(now_ms, 1)
        until_ms = now_ms + ask.lease_ms
        room = spare(rate, self.tat, until_ms, now_ms)
        # A large question gets half, since other isolates may ask, but never less than `hold`.
        more = min(ask.want - 1, room, max(ask.hold, room // 2))
        if more > 0:
            self._charge(until_ms, more)
        return self._grant(self._last_id, 1 + max(0, more), ask.hold, now_ms)

    def give_back(self, grant: int, number: int) -> None:
        """Take back `number` requests of a grant, which did not and will not pass."""
        kept: list[GrantCharge] = []
        for charge in reversed(self._charges):
            if charge.grant == grant:
                less = min(max(0, number), charge.number)
                number -= less
                charge = charge._replace(number=charge.number - less)
            kept.append(charge)
        self._charges = deque(reversed([charge for charge in kept if charge.number]))
        self.tat = self._base
        for charge in self._charges:
            self.tat = charged(self.rate, self.tat, charge.at_ms, charge.number)

    def _grant(self, grant: int, number: int, hold: int, now_ms: int) -> Grant:
        rate, tat = self.rate, self.tat
        left = spare(rate, tat, now_ms, now_ms)
        wait = 0 if left else wait_ms(rate, tat, now_ms, hold)
        return Grant(grant, number, left, wait, full_ms(rate, tat, now_ms))

    def _charge(self, at_ms: int, number: int) -> None:
        self.tat = charged(self.rate, self.tat, at_ms, number)
        self._charges.append(GrantCharge(self._last_id, at_ms, number))
        if len(self._charges) > REMEMBERED:
            oldest = self._charges.popleft()
            self._base = charged(self.rate, self._base, oldest.at_ms, oldest.number)

    def _adopt(self, rate: Rate, now_ms: int) -> None:
        """Use another rate at once; earlier requests count as the same number of requests. If the
        clock was turned back, nobody is locked out."""
        old = self.rate
        if rate != old:
            used = max(0, self.tat - now_ms * old.requests)
            self.tat = now_ms * rate.requests + -(-used * rate.per_ms // old.per_ms)
        elif self.tat <= now_ms * rate.requests + rate.span:
            return
        self.rate, self.tat = rate, min(self.tat, now_ms * rate.requests + rate.span)
        self._base = self.tat
        self._charges.clear()
