"""Decisions that may be repeated, and for which requests. (The idea is Open vSwitch's megaflows:
Pfaff et al., NSDI 2015.)

1. A decision is repeated for a request with the same key: the method, the scheme and host, the
   scope of the path, the client's place, whether there is a body, the names of all headers, and the
   values of those that the policy may look at (`Looked`).
2. It is remembered only if nothing else has gone into it. It may choose a share at random, which is
   drawn anew by the same weights. There must be no unavailable variant, drill, limiter, cache,
   copy, kept body, rewritten URL or override header, and the API key must stay valid.
3. Everything is forgotten when the policy, health, a rollout or a drill changes.
"""

from __future__ import annotations

import re
from math import inf
from random import Random
from typing import NamedTuple

from policies.access.rate_limits import Limit
from policies.access.sticky import Source
from policies.balancing.choose import Forward
from policies.compiled.model import Route
from policies.compiled.policy import CompiledPolicy
from policies.http.limits import SizeLimits
from policies.http.loops import HOPS
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Send
from policies.rollouts.overrides import OverridesByRoute
from policies.routing.match import Scope

# What decisions look at whatever the policy is.
ALWAYS = (
    *("connection", "content-length", "host", "idempotency-key", "transfer-encoding", "upgrade"),
    *("x-request-id", "traceparent", HOPS),
)
CORS = ("origin", "access-control-request-headers", "access-control-request-method")
# A path in its one spelling (`url.py`), without the router's own pages.
PLAIN = re.compile(r"(?:/(?!\.)[A-Za-z0-9_.~-]+)*/?", re.ASCII)
MAX_REMOVED = 500  # characters of the names of removed headers, which clients choose
TRACED = ("x-request-id", "traceparent")  # differ in each request


class Looked(NamedTuple):
    """What decisions by a policy may look at: the values of `headers` (in lower case), the query,
    the client's address. Requests larger than these limits are never remembered."""

    headers: tuple[str, ...]
    query: bool
    address: bool
    max_url: int
    limits: SizeLimits


class Remembered(NamedTuple):
    """For which requests a decision is repeated, and until when. `weights`: those of the shares, in
    order; this decision has chosen that at `choice`."""

    scope: Scope
    until_ms: float
    weights: tuple[float, ...] = (1,)
    choice: int = 0


class Draws:
    """The isolate's randomness, counted by decision. `first`: the first draw, if it was made
    before."""

    __slots__ = ("_first", "_rng", "bits", "numbers")

    def __init__(self, rng: Random, first: float | None = None) -> None:
        self._rng = rng
        self._first = first
        self.numbers = 0
        self.bits = 0

    def random(self) -> float:
        self.numbers += 1
        if self.numbers == 1 and self._first is not None:
            return self._first
        return self._rng.random()

    def getrandbits(self, k: int) -> int:
        self.bits += 1
        return self._rng.getrandbits(k)


def looked_at(policy: CompiledPolicy, overrides: OverridesByRoute) -> Looked:
    """Return what decisions by `policy`, with these rollouts, may look at."""
    headers = {*ALWAYS, *policy.matcher.header_names}
    address = False
    for route in policy.routes:
        headers |= _of_route(route, policy.keys.names)
        address = address or _reads_address(route)
    for override in overrides.values():
        headers |= {condition.name for condition in override.headers}
    longest = min([policy.limits.url, *(route.sizes.url for route in policy.routes)])
    query = policy.matcher.reads_query
    return Looked(tuple(sorted(headers)), query, address, longest, policy.limits)


def _of_route(route: Route, key_headers: tuple[str, ...]) -> set[str]:
    headers: set[str] = set()
    for source in route.sticky:
        headers |= _of_source(source)
    if route.needs or route.override:
        headers |= set(key_headers)
    if route.override:
        headers.add(route.override.header)
    if route.cors:
        headers |= set(CORS)
    for limit in _limits(route):
        if limit.by == "header":
            headers.add(limit.header)
        elif limit.by == "api_key":
            headers |= set(key_headers)
    return headers


def _of_source(source: Source) -> set[str]:
    if source.kind == "cookie":
        return {"cookie"}
    return set(source.name.split()) if source.kind in ("header", "api_key") else set()


def _reads_address(route: Route) -> bool:
    by_address = any(limit.by == "ip" for limit in _limits(route))
    return by_address or any(source.kind == "ip" for source in route.sticky)


def _limits(route: Route) -> tuple[Limit, ...]:
    limits = route.rate_limits
    return limits.before + limits.after if limits else ()


def remembered(
    context: RequestContext, send: Send, draws: Draws, *, is_leased: bool = False
) -> Remembered | None:
    """Return for which requests `send`, the first effect of this one, may be repeated; None for
    none. `is_leased`: leases let it pass all rate limits."""
    choice = context.choice
    shares = choice.route.shares if _has_drawn_share(context, choice) else ()
    # The first draw chooses the share; all other draws belong to this request alone.
    is_drawn = bool(draws.bits) or draws.numbers > bool(shares)
    if choice.route.rate_limits and not is_leased:
        return None
    if is_drawn or not _is_plain(context, choice, send):
        return None
    headers = context.arrived.headers
    if not headers.keys().isdisjoint(TRACED):
        return None
    target = context.request.target
    if target.url != context.arrived.url or not PLAIN.fullmatch(target.path):
        return None
    scope = context.policy.matcher.scope(target.host, target.path)
    if scope is None:
        return None
    identity = context.identity
    ends_ms = identity.key.not_after_ms if identity else None
    until_ms = inf if ends_ms is None else ends_ms
    if not shares:
        return Remembered(scope, until_ms)
    names = [share.name for share in shares]
    weights = tuple(share.weight for share in shares)
    return Remembered(scope, until_ms, weights, names.index(choice.share.name))


def _has_drawn_share(context: RequestContext, choice: Forward) -> bool:
    """Return whether the share was drawn at random: without a key, and for no cohort of a
    rollout."""
    if len(choice.route.shares) < 2 or choice.key:
        return False
    override, identity = choice.rollout_override, context.identity
    key_id = identity.key.id if identity else ""
    return not (override and override.takes(context.request, key_id))


def _is_plain(context: RequestContext, choice: Forward, send: Send) -> bool:
    """Return whether nothing is done that must happen only once."""
    if send.carry is None or send.url or send.kept_body or send.wants_head:
        return False
    if send.drill is not None or choice.panic or choice.is_probe_request or choice.new_cookie:
        return False
    if _asks_for_override(context, choice.route) or choice.route.failover.hedge:
        return False
    if sum(map(len, send.changes.removed)) > MAX_REMOVED:
        return False
    is_sealed = bool(context.policy.drained and choice.route.sticky)  # and seals have a time
    return not is_sealed


def _asks_for_override(context: RequestContext, route: Route) -> bool:
    """Return whether it has the override header, even without permission: its API key may become
    valid later."""
    return route.override is not None and route.override.header in context.arrived.headers
