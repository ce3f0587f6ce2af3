"""Compiles a valid policy to the tables that requests are decided on.

Work that requests should not repeat is done here: names become positions, regular expressions
become automata, the alternatives of all routes are sorted by precedence into one table per
hostname (`rules.py`), and what several routes share stands in memory once.
`policies.compiled.policy.CompiledPolicy` is built from these tables, both at the edge and on
the command line.
"""

from __future__ import annotations

import json

from policies.access.authenticate import ApiKey, KeyTables
from policies.basics.steps import STEP_ENTRIES, Steps, finished, pause_after
from policies.compiled.model import Variant
from policies.compiled.tables import PolicyTables
from policies.http.limits import SizeLimits
from policies.language.compile.drills import scheduled_drills
from policies.language.compile.rate_limits import limits_by_name
from policies.language.compile.rollouts import rollout_plans
from policies.language.compile.routes import Making, compiled_route, key_headers
from policies.language.compile.rules import host_rules
from policies.language.model import policy as model
from policies.language.model.auth import ApiKey as StatedKey
from policies.language.model.auth import Auth
from policies.language.model.health import Active, Health
from policies.resilience.health_terms import ActiveTerms, HealthTerms, OutlierTerms
from policies.routing.regions import Regions


def compile_policy(policy: model.Policy, digest: str) -> PolicyTables:
    """Return the tables of `policy`, whose digest is `digest`."""
    return finished(compile_steps(policy, digest))


def compile_steps(policy: model.Policy, digest: str) -> Steps[PolicyTables]:
    """The same, in steps."""
    making = Making(policy, limits_by_name(policy))
    routes = []
    for number, route in enumerate(policy.routes):
        routes.append(compiled_route(route, making))
        yield from pause_after(number, STEP_ENTRIES)
    first = yield from host_rules(policy, first=True)
    others = yield from host_rules(policy, first=False)
    return PolicyTables(
        digest=digest,
        merge_slashes=policy.merge_slashes,
        identify=policy.identify,
        variants=tuple(_variant(name, variant) for name, variant in policy.variants.items()),
        pools=_pools(policy),
        strict=frozenset(name for name, pool in policy.pools.items() if pool.affinity == "strict"),
        regions=_regions(policy),
        auth=_auth(policy.auth),
        limits=_limits(policy),
        health=_health(policy.health),
        drills=scheduled_drills(policy.drills),
        rollouts=rollout_plans(policy.rollouts),
        routes=tuple(routes),
        first=first,
        hosts=others,
    )


def _variant(name: str, variant: model.Variant) -> Variant:
    version = variant.version
    return Variant(
        name=name,
        binding=variant.binding or "",
        pool=variant.pool,
        region=variant.region,
        weight=variant.weight,
        drain=variant.drain,
        # Cloudflare's dictionary structured field: worker-name="version-id"
        override=f'{version.worker}="{version.id}"' if version else None,
        url=variant.url or "",
    )


def _regions(policy: model.Policy) -> Regions:
    regions = policy.regions.items()
    return Regions(
        default=policy.default_region,
        orders={name: tuple(dict.fromkeys([name, *region.fallback])) for name, region in regions},
        colos={code: name for name, region in regions for code in region.colos},
        countries={code: name for name, region in regions for code in region.countries},
        continents={code: name for name, region in regions for code in region.continents},
    )


def _pools(policy: model.Policy) -> dict[str, tuple[int, ...]]:
    """Return the positions of the variants of each pool."""
    pools: dict[str, list[int]] = {}
    for position, variant in enumerate(policy.variants.values()):
        pools.setdefault(variant.pool, []).append(position)
    return {name: tuple(positions) for name, positions in pools.items()}


def _health(health: Health) -> HealthTerms:
    passive = health.passive
    outliers = OutlierTerms(
        consecutive=passive.consecutive_failures,
        rate=passive.failure_rate,
        at_least=passive.min_requests,
        window_ms=passive.window,
        eject_ms=passive.eject_for,
        max_eject_ms=passive.max_eject_for,
        slow_start_ms=passive.slow_start,
    )
    active = _active(health.active) if health.active else None
    return HealthTerms(active=active, passive=outliers, panic=health.panic_threshold)


def _active(active: Active) -> ActiveTerms:
    return ActiveTerms(
        path=active.path,
        interval_ms=active.interval,
        timeout_ms=active.timeout,
        unhealthy_after=active.unhealthy_after,
        healthy_after=active.healthy_after,
        expect=tuple((low, high) for low, high in active.expect),
        body=active.expect_body,
    )


def _limits(policy: model.Policy) -> SizeLimits:
    """Return those of all routes: the URL has the longest of them."""
    limits = policy.limits
    longest = [route.limits.url for route in policy.routes if route.limits and route.limits.url]
    return SizeLimits(max([limits.url, *longest]), limits.header_count, limits.header_size)


def _auth(auth: Auth) -> KeyTables:
    plain = [key for key in auth.keys if key.sha256]
    peppered = [key for key in auth.keys if not key.sha256]
    return KeyTables(
        headers=tuple(key_headers(auth)),
        sha256=tuple(_key(key, key.sha256 or "") for key in plain),
        hmac_sha256=tuple(_key(key, key.hmac_sha256 or "") for key in peppered),
    )


def _key(key: StatedKey, hashed: str) -> ApiKey:
    return ApiKey(
        id=key.id,
        digest=bytes.fromhex(hashed),
        scopes=frozenset(key.scopes),
        not_before_ms=key.not_before or 0,
        not_after_ms=key.not_after,
        disabled=key.disabled,
        metadata=json.dumps(key.metadata) if key.metadata else "",
    )
