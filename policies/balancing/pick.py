"""Requests that select their pool or variant by a header: who may, and how the route is then.

- Only a valid API key with the scope `router:override` may, whether the route requires a key or
  not. From any other client the header is ignored, so responses do not tell who may.
- A selected variant gets the request whatever its health, drain, weight or region, and no other one
  does: a response of another variant would test the wrong thing.
- A selected pool gets it as usual (order, health, failover), but without its fallbacks.
- Neither reads from the cache or writes to it; there are no hedges and no copies for mirrors.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.access.authenticate import Identity, Needs, authenticate
from policies.compiled.model import Route, Share, Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.filters import FilterChain
from policies.http.problems import Problem
from policies.http.request import Request
from policies.resilience.failover import NEVER
from policies.routing.override import OVERRIDE_SCOPE, Override

_NEEDS = Needs(frozenset({OVERRIDE_SCOPE}), forward=False)
MAX_REPORTED = 50  # known names of a kind in the problem for an unknown one


class Pick(NamedTuple):
    """The selected `variant`, or if None the pool of `share`. `route`: as it is for such requests;
    `identity`: the client."""

    route: Route
    share: Share
    variant: Variant | None
    identity: Identity


def pick(
    policy: CompiledPolicy,
    route: Route,
    request: Request,
    identity: Identity | None,
    now_ms: float,
    pepper: bytes,
) -> Pick | Problem | None:
    """Return what the request selects; None if nothing, or if it may not. `identity`: the client,
    if the route has authenticated it."""
    override = route.override
    name = request.headers.get(override.header) if override else None
    if override is None or name is None:
        return None
    identity = _picker(policy, route, request, identity, now_ms, pepper)
    if identity is None:
        return None
    for variant in policy.variants:
        if variant.name == name and variant.pool in override.reach:
            share = Share(variant.pool, 1, (variant.pool,))
            return Pick(_by_hand(route, share, alone=True), share, variant, identity)
    if name in override.pools:
        share = Share(name, 1, (name,))
        return Pick(_by_hand(route, share, alone=False), share, None, identity)
    return _unknown(policy, override)


def _picker(
    policy: CompiledPolicy,
    route: Route,
    request: Request,
    identity: Identity | None,
    now_ms: float,
    pepper: bytes,
) -> Identity | None:
    if route.needs:
        may = identity is not None and OVERRIDE_SCOPE in identity.key.scopes
        return identity if may else None
    found = authenticate(policy.keys, _NEEDS, request.headers, now_ms, pepper)
    return found if isinstance(found, Identity) else None


def _by_hand(route: Route, share: Share, *, alone: bool) -> Route:
    """Return the route with all traffic on `share`. The key is removed from the request even if the
    route itself requires none."""
    plans = {pool: _without_mirrors(plan) for pool, plan in (route.plans or {}).items()}
    return route._replace(
        needs=route.needs or _NEEDS,
        shares=(share,),
        dormant=(),
        total=1,
        failover=NEVER if alone else route.failover._replace(hedge=None),
        cache=None,
        plan=_without_mirrors(route.plan) if route.plan else None,
        plans=plans or None,
    )


def _without_mirrors(plan: FilterChain) -> FilterChain:
    return plan._replace(mirrors=())


def _unknown(policy: CompiledPolicy, override: Override) -> Problem:
    """Return the problem for an unknown name. It lists the known ones, since the client is an
    operator."""
    variants = [variant.name for variant in policy.variants if variant.pool in override.reach]
    detail = "This route has no pool or variant of that name. "
    detail += f"Pools: {_listed(sorted(override.pools))}. Variants: {_listed(variants)}."
    return Problem("unknown-override", detail)


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - MAX_REPORTED} more" if len(names) > MAX_REPORTED else ""
    return ", ".join(names[:MAX_REPORTED]) + more
