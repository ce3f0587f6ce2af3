"""The compiled policy that requests are decided on, built once from compiled tables.

Building parses, sorts and compiles nothing; `policies.language.compile.compile` has done it. It
raises `NoForm` for tables with names or numbers that lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from policies.access.authenticate import Keys
from policies.basics.steps import Steps, finished
from policies.compiled.model import Tier, Tiers, Variant, VariantOrder
from policies.compiled.references import check_references
from policies.compiled.tables import PolicyTables
from policies.http.url import RequestTarget
from policies.routing.match import Routes

ByRegion = dict[str | None, Tier]
MAX_REMEMBERED = 1_000  # orders, one for each chain and region that clients had


class CompiledPolicy:
    """A policy ready for requests, named by its `digest`."""

    def __init__(self, tables: PolicyTables) -> None:
        finished(self._build(tables))

    @classmethod
    def in_steps(cls, tables: PolicyTables) -> Steps[CompiledPolicy]:
        """Build the policy in steps."""
        policy = cls.__new__(cls)
        yield from policy._build(tables)
        return policy

    def _build(self, tables: PolicyTables) -> Steps[None]:
        yield from check_references(tables)
        self.digest = tables.digest
        self.merge_slashes, self.identify = tables.merge_slashes, tables.identify
        self.variants = tables.variants
        self.drained = tuple(variant for variant in self.variants if variant.drain)
        self._pools = {
            name: _pool([self.variants[position] for position in positions])
            for name, positions in tables.pools.items()
        }
        self.strict = tables.strict
        self.regions = tables.regions
        self.keys = yield from Keys.in_steps(tables.auth)
        self.limits, self.health = tables.limits, tables.health
        self.drills, self.rollouts = tables.drills, tables.rollouts
        self.routes = tables.routes
        self.has_cors = any(route.cors for route in self.routes)
        redirects = {at: route.redirect for at, route in enumerate(self.routes) if route.redirect}
        caches = {at: route.cache for at, route in enumerate(self.routes) if route.cache}
        self.keeps_ms = max((rule.longest_ms for rule in caches.values()), default=0)
        self.matcher = yield from Routes.in_steps(
            tables.first, tables.hosts, redirects, frozenset(caches)
        )
        self._orders: dict[tuple[tuple[str, ...], str | None], VariantOrder] = {}

    @property
    def has_regions(self) -> bool:
        return bool(self.regions.orders)

    def order(self, chain: tuple[str, ...], region: str | None) -> VariantOrder:
        """Return the variants of a chain of pools for clients of `region`."""
        order = self._orders.get((chain, region))
        if order is None:
            pools = [self._pool_tiers(pool, region) for pool in chain]
            if len(self._orders) >= MAX_REMEMBERED:
                self._orders.clear()
            tiers = tuple(tier for pool in pools for tier in pool)
            order = self._orders[chain, region] = _order(tiers)
        return order

    def may_keep(self, target: RequestTarget) -> bool:
        """Return whether the cache may have responses for this URL."""
        return bool(self.keeps_ms) and self.matcher.may_keep(target.host, target.path)

    def _pool_tiers(self, name: str, region: str | None) -> list[Tier]:
        """Return the tiers of a pool by rank. Variants of weight 0, which take no traffic, come
        last."""
        pool = self._pools[name]
        wanted = None if region is None else self.regions.orders[region]
        tiers = [tier for group in pool for tier in _ranked(group, wanted, name in self.strict)]
        return [tier for tier in tiers if tier]


def _order(tiers: Tiers) -> VariantOrder:
    open_to = frozenset(variant.name for tier in tiers for variant in tier if not variant.drain)
    regions = tuple(" ".join(sorted({variant.region or "" for variant in tier})) for tier in tiers)
    return VariantOrder(tiers, _settled(tiers), open_to, regions)


def _settled(tiers: Tiers) -> Tier | None:
    if any(len(tier) > 1 or tier[0].drain for tier in tiers):
        return None
    return tuple(variant for (variant,) in tiers) or None


def _pool(variants: list[Variant]) -> tuple[ByRegion, ByRegion]:
    """Return the variants that take traffic, and those of weight 0."""
    return _grouped(v for v in variants if v.weight), _grouped(v for v in variants if not v.weight)


def _grouped(variants: Iterable[Variant]) -> ByRegion:
    groups: dict[str | None, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(variant.region, []).append(variant)
    return {region: tuple(group) for region, group in groups.items()}


def _ranked(group: ByRegion, wanted: Sequence[str] | None, strict: bool) -> Iterator[Tier]:
    """Return the tiers: the client's region, its fallbacks, variants without a region, all
    others."""
    if wanted is None:
        yield tuple(variant for variants in group.values() for variant in variants)
        return
    for region in wanted:
        yield group.get(region, ())
    if not strict:
        yield group.get(None, ())
        nearer = {None, *wanted}
        yield tuple(v for region, far in group.items() if region not in nearer for v in far)
