"""Rate limits in this isolate: its leases and denials of each limited key, and calls to limiters.

A valid lease or denial decides here, without a crossing. A limiter that fails, or takes longer
than PATIENCE_MS, is not called for PAUSE_MS, for all keys of its limit: meanwhile the limit's
`on_error` decides at once. Then one request tries again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from policies.access.authenticate import Identity
from policies.access.bucket import Grant
from policies.access.lease import Lease, Lent, Local, Reclaim
from policies.access.rate_limits import (
    Limit,
    LimitStatus,
    limit_headers,
    limiter_unavailable,
    rate_limited,
)
from policies.http.problems import Problem
from policies.http.request import Request
from policies.proxy.phases.effects import Charged, Way
from router.edge.isolate.keeper import Log
from router.edge.isolate.metrics import Metrics

PATIENCE_MS = 150  # with the rest of a request, well below a quarter of a second
PAUSE_MS = 1_000
MAX_KEYS = 5_000  # in each of two generations, a few hundred bytes each


class LimitCharge(NamedTuple):
    """A request that a limit allowed: by a lease, by a grant of its own, or by neither if the
    limiter failed."""

    limit: Limit
    key: str
    local: Local
    lease: Lease | None
    grant: int


class AskLimiter(NamedTuple):
    """Ask the limiter of that name, for at most `timeout_ms`. Of a grant that comes later, all but
    `used` is given back. → `[time, answer, ""]`, or `[time, None, reason]`"""

    name: str
    question: str
    timeout_ms: int
    used: int


class GiveBack(NamedTuple):
    """Give part of a grant back to the limiter of that name, after the answer. → None"""

    name: str
    returned: str


class Limiting:
    """One request and its limits. A denied request is charged to none of them."""

    __slots__ = ("_charges", "_limits", "_now", "_request", "_route", "_statuses")

    def __init__(self, limits: Limits, request: Request, route: str, now_ms: float) -> None:
        self._limits = limits
        self._now = now_ms
        self._request = request
        self._route = route
        self._charges: list[LimitCharge] = []
        self._statuses: list[LimitStatus] = []

    def charge(self, limits: Sequence[Limit], identity: Identity | None) -> Way[Charged]:
        """Charge the request to all of `limits`. Returns the problem if one denies it, and the
        limit headers of its answer so far."""
        problem = yield from self._charge(limits, identity)
        return Charged(problem, limit_headers(self._statuses))

    @property
    def is_leased(self) -> bool:
        """Whether leases alone have allowed the request."""
        return all(charge.lease for charge in self._charges)

    def lend(self, reclaim: Reclaim) -> list[tuple[str, Lent]]:
        """The leases that allowed the request, by the names of their limits, for JavaScript to
        count down from now on."""
        lent = []
        for limit, key, local, lease, _ in self._charges:
            if lease:
                loan = local.lend(lease, reclaim)
                self._limits.note_lent(loan.purse, limit, key)
                lent.append((limit.name, loan))
        return lent

    def _charge(self, limits: Sequence[Limit], identity: Identity | None) -> Way[Problem | None]:
        keyed_limits: list[tuple[Limit, str, Local]] = []
        for limit, key in keyed(limits, identity, self._request, self._route):
            keyed_limits.append((limit, key, self._limits.local(limit, key)))
        # A denial that is known here needs no call to a limiter.
        for limit, _, local in keyed_limits:
            if local.denies(self._now):
                return (yield from self._denied(limit, local))
        for limit, key, local in keyed_limits:
            lease = local.lease(self._now)
            if lease:
                lease.left -= 1
                self._passed(LimitCharge(limit, key, local, lease, 0))
                continue
            problem = yield from self._ask(limit, key, local)
            if problem:
                return problem
        return None

    def _ask(self, limit: Limit, key: str, local: Local) -> Way[Problem | None]:
        grant, self._now = yield from self._limits.ask(limit, key, local, self._now)
        if grant is None:
            return (yield from self._unknown(limit, LimitCharge(limit, key, local, None, 0)))
        if not grant.number:
            return (yield from self._denied(limit, local))
        self._passed(LimitCharge(limit, key, local, None, grant.id))
        return None

    def _passed(self, charge: LimitCharge) -> None:
        limit, local = charge.limit, charge.local
        self._limits.count(limit, "allowed")
        self._charges.append(charge)
        self._statuses.append(LimitStatus(limit, local.remaining(), local.full_ms(self._now)))

    def _unknown(self, limit: Limit, charge: LimitCharge) -> Way[Problem | None]:
        self._limits.count(limit, "error")
        self._statuses.append(LimitStatus(limit, None, 0))
        if limit.on_error == "allow":
            self._charges.append(charge)
            return None
        yield from self._take_back()
        return limiter_unavailable(limit, PAUSE_MS)

    def _denied(self, limit: Limit, local: Local) -> Way[Problem]:
        self._limits.count(limit, "denied")
        self._statuses.append(LimitStatus(limit, 0, local.full_ms(self._now)))
        yield from self._take_back()
        return rate_limited(limit, local.retry_ms(self._now))

    def _take_back(self) -> Way[None]:
        for limit, key, local, lease, grant in self._charges:
            if lease:
                lease.left += 1
            elif grant:
                local.given_back()
                yield GiveBack(limit.object_name(key), json.dumps([grant, 1]))
        self._charges.clear()


def keyed(
    limits: Sequence[Limit], identity: Identity | None, request: Request, route: str
) -> list[tuple[Limit, str]]:
    """The limits of a request: each at the rate for its client, with the key that it counts by."""
    of_client = [limit.of(identity) for limit in limits]
    return [(limit, limit.key(request, route, identity)) for limit in of_client]


def _name(limit: Limit, key: str) -> str:
    return f"{limit.id}\n{key}"


class Limits:
    """The isolate's state of all limits."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._young: dict[str, Local] = {}
        self._old: dict[str, Local] = {}
        self._lent: dict[int, str] = {}  # by purse, the name of the lent lease
        self._paused: dict[str, float] = {}  # until when a limit's failed limiter is not asked
        self._metrics = metrics
        self._log = log

    def count(self, limit: Limit, decision: str) -> None:
        self._metrics.rate_limits[limit.name, decision] += 1

    def local(self, limit: Limit, key: str) -> Local:
        """The state of a key. Clients choose keys, so a key that is not seen for a generation is
        forgotten, and its leases count as used."""
        name = _name(limit, key)
        local = self._young.get(name)
        if local is None:
            local = self._old.pop(name, None) or Local(limit.terms)
            if len(self._young) >= MAX_KEYS:
                self._old, self._young = self._young, {}
            self._young[name] = local
        return local

    def note_lent(self, purse: int, limit: Limit, key: str) -> None:
        """Note that JavaScript counts down a lease of that key, as that purse."""
        self._lent[purse] = _name(limit, key)
        if len(self._lent) > 2 * MAX_KEYS:
            del self._lent[next(iter(self._lent))]

    def is_lent(self, purse: int, limit: Limit, key: str) -> bool:
        """Whether that purse may be a lease of that key."""
        name = _name(limit, key)
        return self._lent.get(purse, name) == name

    def ask(
        self, limit: Limit, key: str, local: Local, now: float
    ) -> Way[tuple[Grant | None, float]]:
        """The grant of the limiter of `key`, and the time; None if it fails, or is not asked after
        a failure."""
        if self._is_paused(limit, now):
            return None, now
        self._metrics.limiter_calls[(limit.name,)] += 1
        question = json.dumps(local.question(now, PATIENCE_MS))
        used = 1 if limit.on_error == "allow" else 0  # this request, by a grant that comes late
        asking = AskLimiter(limit.object_name(key), question, PATIENCE_MS, used)
        heard_ms, answer, reason = yield asking
        try:
            grant = Grant(*json.loads(answer))
        except (ValueError, TypeError) as error:
            local.unanswered()
            self._paused[limit.name] = heard_ms + PAUSE_MS
            cause = _shortened(reason) if answer is None else type(error).__name__
            self._log("limiter-failed", {"limit": limit.name, "reason": cause})
            return None, heard_ms
        self._paused.pop(limit.name, None)
        local.answered(now, grant)
        return grant, heard_ms

    def _is_paused(self, limit: Limit, now: float) -> bool:
        until = self._paused.get(limit.name)
        if until is None:
            return False
        if now < until:
            return True
        self._paused[limit.name] = now + PATIENCE_MS  # this request tries, others do not
        return False


def _shortened(reason: str) -> str:
    """The last line of a reason, shortened."""
    return (reason.strip().splitlines() or ["no answer"])[-1][:200]
