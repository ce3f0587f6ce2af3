"""Warnings about pools and regions."""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found, KeyOf
from policies.language.model.policy import Policy, Variant


def doubtful_pools(policy: Policy) -> Iterator[Found]:
    """Yield findings about regions without variants, pools that get traffic without a weighted
    variant, and pools without a fallback."""
    yield from _empty_regions(policy)
    yield from _weightless(policy)
    yield from _alone(policy)


def _empty_regions(policy: Policy) -> Iterator[Found]:
    served = {variant.region for variant in policy.variants.values()}
    for name, region in policy.regions.items():
        if name not in served:
            others = ", ".join(
                f"`{shown(other)}`" for other in region.fallback[:5] if other in served
            )
            goes = f"its clients go to {others}" if others else "its clients get any variant"
            message = f"no variant is in region `{shown(name)}`: {goes}"
            hint = f"give a variant `region: {shown(name)}`, or move the codes to another region"
            yield "region-without-variants", ("regions", KeyOf(name)), message, hint


def _weightless(policy: Policy) -> Iterator[Found]:
    """Yield pools that get traffic, but whose variants are all drained or have weight 0."""
    members: dict[str, list[tuple[str, Variant]]] = {}
    for name, variant in policy.variants.items():
        members.setdefault(variant.pool, []).append((name, variant))
    routes: dict[str, str] = {}  # pool to the first route that sends it traffic
    waiting = _waiting(policy)
    for route in policy.routes:
        for pool, share in (route.split or {}).items():
            if not share.backend and (share.weight or (route.name, pool) in waiting):
                routes.setdefault(pool, route.name)
    for pool, taker in routes.items():
        if any(variant.weight and not variant.drain for _, variant in members[pool]):
            continue
        left = [name for name, variant in members[pool] if not variant.drain]
        name, field, effect = members[pool][0][0], "drain", "its share goes to the pool's fallback"
        if left:
            name, field, effect = left[0], "weight", "they get the traffic anyway"
        message = f"route `{shown(taker)}` gives pool `{shown(pool)}` a share, but all of its "
        message += f"variants are drained or have weight 0: {effect}"
        hint = "give the pool weight 0 in the split, or a variant of it a weight"
        path: Path = ("variants", name, field)
        yield "pool-without-weight", path, message, hint


def _alone(policy: Policy) -> Iterator[Found]:
    """Yield pools with a smaller share of a split that have no fallback."""
    reported: set[str] = set()
    waiting = _waiting(policy)
    for index, route in enumerate(policy.routes):
        split = {pool: share for pool, share in (route.split or {}).items() if not share.backend}
        largest = max((share.weight for share in split.values()), default=0)
        for pool, share in split.items():
            stated = policy.pools[pool].fallback if pool in policy.pools else None
            is_first = pool == next(iter(split))
            has_part = share.weight > 0 or (route.name, pool) in waiting
            if not has_part or share.weight == largest:
                continue
            if stated or (stated is None and not is_first):
                continue
            if stated is not None and pool in reported:
                continue
            reported.add(pool)
            path: Path = ("routes", index, "split", KeyOf(pool))
            if stated is not None:
                path = ("pools", pool, "fallback")
            message = f"when no variant of `{shown(pool)}` can serve, its share of route "
            message += f"`{shown(route.name)}` fails, although the route has other pools"
            hint = f"write `fallback: [{shown(max(split, key=lambda name: split[name].weight))}]` "
            hint += f"for it under `pools.{shown(pool)}`"
            yield "pool-without-fallback", path, message, hint


def _waiting(policy: Policy) -> set[tuple[str, str]]:
    """Return the pairs of route and pool to which a rollout moves traffic."""
    return {(route, rollout.to) for rollout in policy.rollouts for route in rollout.routes}
