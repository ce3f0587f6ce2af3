"""The view of a policy: mappings of names to values in canonical spelling.

Policies with the same meaning have the same view, however they are written and ordered.
"""

from __future__ import annotations

from collections.abc import Container

from policies.basics.durations import duration_text
from policies.difference.views.rollout_view import rollout_view
from policies.difference.views.route_view import route_view
from policies.difference.views.spelling import Value, View, plain, unique
from policies.language.model.policy import Policy, Pool, Region
from policies.language.model.rate_limits import Quota

IMPLICIT = "the first pool of the split"  # the fallback of a pool that states none
PLAIN_POOL = {"affinity": "prefer", "fallback": IMPLICIT}
_SAME: View = {}
_NO_POOL = Pool()


def policy_view(policy: Policy, same: Container[str] = ()) -> View:
    """Return the view without the keys, which need both policies. Routes in `same`, which are
    identical in both, are left out."""
    view: View = {
        "variants": _variants(policy),
        "pools": _pools(policy),
        "regions": {name: _region(name, region) for name, region in policy.regions.items()},
        "auth": {"header": list(dict.fromkeys(name.lower() for name in policy.auth.header))},
        "rate_limits": {
            name: quota_view(limit) | plain(limit, without=["limit", "per", "burst"])
            for name, limit in policy.rate_limits.items()
        },
        "limits": plain(policy.limits),
        "health": plain(policy.health),
        "drills": {drill.name: plain(drill, without=["name"]) for drill in policy.drills},
        "rollouts": {rollout.name: rollout_view(rollout) for rollout in policy.rollouts},
        "merge_slashes": policy.merge_slashes,
        "identify": policy.identify,
        "routes": {
            route.name: _SAME if route.name in same else route_view(policy, route)
            for route in policy.routes
        },
    }
    if policy.default_region is not None:
        view["default_region"] = policy.default_region
    return view


def quota_view(quota: Quota) -> View:
    count, per, burst = quota.rate
    return {"limit": f"{count}/{duration_text(per)}", "burst": burst}


def _variants(policy: Policy) -> View:
    """Return the weights of a pool by their ratios; the smallest is 1."""
    smallest: dict[str, float] = {}
    for variant in policy.variants.values():
        if variant.weight:
            smallest[variant.pool] = min(variant.weight, smallest.get(variant.pool, variant.weight))
    return {
        name: plain(variant, without=["weight"])
        | {"weight": round(variant.weight / smallest.get(variant.pool, 1), 9)}
        for name, variant in policy.variants.items()
    }


def _pools(policy: Policy) -> View:
    view: View = {}
    for variant in policy.variants.values():
        pool = policy.pools.get(variant.pool, _NO_POOL)
        fallback: Value = IMPLICIT
        if pool.fallback is not None:
            fallback = [other for other in dict.fromkeys(pool.fallback) if other != variant.pool]
        view[variant.pool] = {"affinity": pool.affinity, "fallback": fallback}
    idle: dict[str, list[str]] = {}
    for name, variant in policy.variants.items():
        if not variant.weight:
            idle.setdefault(variant.pool, []).append(name)
    for served, names in idle.items():
        if len(names) > 1:  # their order in the file is the order of attempts
            view[served]["last_resorts"] = names
    return view


def _region(name: str, region: Region) -> View:
    codes = {kind: unique(getattr(region, kind)) for kind in ("continents", "countries", "colos")}
    return {
        **codes,
        "fallback": [other for other in dict.fromkeys(region.fallback) if other != name],
    }
