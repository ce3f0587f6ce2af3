"""The compiled policy: what requests are decided on, built once from compiled tables.

Building parses, sorts and compiles nothing; `policies.language.compile` has done it. It raises
`NoForm` for values of other types than it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from policies.decisions.answer import Answer
from policies.decisions.authenticate import Keys, Needs
from policies.decisions.cache import CacheRule, cache_rule_from
from policies.decisions.compiled_types import (
    FAILOVER,
    ROUTE,
    SIZES,
    SPLIT,
    STICKY,
    expect,
    expect_tables,
)
from policies.decisions.cors import Cors, cors_from
from policies.decisions.drill import scheduled_from
from policies.decisions.failover import NEVER, Terms
from policies.decisions.filters import Plan, plan_from
from policies.decisions.health_terms import HealthTerms, terms_from
from policies.decisions.limits import Limits, Sizes
from policies.decisions.match import Routes
from policies.decisions.override import Override, override_from
from policies.decisions.rate_limits import Limit, RouteLimits, limits_of, route_limits
from policies.decisions.redirect import Redirect, redirect_from
from policies.decisions.regions import Regions
from policies.decisions.steps import STEP_ENTRIES, Steps, finished, pause_after
from policies.decisions.sticky import Source
from policies.decisions.url import Target


@dataclass(frozen=True, slots=True)
class Variant:
    """A Worker that can answer; `override` is the value of Cloudflare's version override."""

    name: str
    binding: str
    pool: str
    region: str | None
    weight: float
    drain: bool
    override: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """A pool's part in a split; `chain`: the pool, then its fallbacks; empty for a part that
    has no backend."""

    name: str
    weight: float
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Durations in milliseconds, 0 for none. `shares` has the largest first; `dormant`: those
    of weight 0 that a rollout may give one. `needs`: what is asked of the client's API key,
    None for nothing; `rate_limits`: None for none; `plans`: those of pools that have filters
    of their own."""

    name: str
    sizes: Sizes
    needs: Needs | None = None
    rate_limits: RouteLimits | None = None
    seed: str = ""
    shares: tuple[Share, ...] = ()
    dormant: tuple[Share, ...] = ()
    total: float = 0
    sticky: tuple[Source, ...] = ()
    request_ms: int = 0
    backend_request_ms: int = 0
    failover: Terms = NEVER
    respond: Answer | None = None
    redirect: Redirect | None = None
    cors: Cors | None = None
    cache: CacheRule | None = None
    plan: Plan | None = None
    plans: dict[str, Plan] | None = None
    override: Override | None = None

    def plan_for(self, pool: str) -> Plan | None:
        """The filters for the variants of `pool`."""
        return self.plans.get(pool, self.plan) if self.plans else self.plan


P = TypeVar("P")
Tier = tuple[Variant, ...]
Tiers = tuple[Tier, ...]
ByRegion = dict[str | None, Tier]
MAX_REMEMBERED = 1_000  # orders, one for each chain and region that clients had


class Order(NamedTuple):
    """Variants in tiers of equal rank. `settled`: all of them, in order, if it is the same
    for every client because no tier has several and nobody is drained; else None.
    `open_to`: the names of those that are not drained; `regions`: where each tier is."""

    tiers: Tiers
    settled: Tier | None
    open_to: frozenset[str]
    regions: tuple[str, ...]


class CompiledPolicy:
    """A policy ready for requests; `digest` names it."""

    def __init__(self, tables: dict[str, Any]) -> None:
        finished(self._build(tables))

    @classmethod
    def in_steps(cls, tables: dict[str, Any]) -> Steps[CompiledPolicy]:
        """The same, in steps."""
        policy = cls.__new__(cls)
        yield from policy._build(tables)
        return policy

    def _build(self, tables: dict[str, Any]) -> Steps[None]:
        expect_tables(tables)
        self.digest: str = tables["digest"]
        self.merge_slashes: bool = tables["merge_slashes"]
        self.identify: bool = tables["identify"]
        self.variants = tuple(Variant(**variant) for variant in tables["variants"])
        self.drained = tuple(variant for variant in self.variants if variant.drain)
        self._pools = {
            name: _pool([self.variants[position] for position in positions])
            for name, positions in tables["pools"].items()
        }
        self.strict = frozenset(tables["strict"])
        self.regions = Regions(**tables["regions"])
        self.keys = yield from Keys.in_steps(tables["auth"])
        self.limits = Limits(*tables["limits"])
        self.health: HealthTerms = terms_from(tables["health"])
        self.drills = tuple(scheduled_from(table) for table in tables["drills"])
        self.rollouts: list[Any] = tables["rollouts"]  # `policies.rollouts` reads them
        chains = [tuple(names) for names in tables["chains"]]
        parts = _Parts(chains, tables["parts"], limits_of(tables["rate_limits"]))
        routes: list[Route] = []
        for number, table in enumerate(tables["routes"]):
            routes.append(_route(table, parts))
            yield from pause_after(number, 2 * STEP_ENTRIES)
        self.routes = tuple(routes)
        self.has_cors = any(route.cors for route in self.routes)
        redirects = {at: each.redirect for at, each in enumerate(self.routes) if each.redirect}
        caches = {at: each.cache for at, each in enumerate(self.routes) if each.cache}
        self.keeps_ms = max((each.longest_ms for each in caches.values()), default=0)
        self.matcher = yield from Routes.in_steps(
            tables["first"], tables["hosts"], redirects, frozenset(caches)
        )
        self._orders: dict[tuple[tuple[str, ...], str | None], Order] = {}

    @property
    def has_regions(self) -> bool:
        return bool(self.regions.orders)

    def order(self, chain: tuple[str, ...], region: str | None) -> Order:
        """The variants of a chain of pools for clients of `region`."""
        order = self._orders.get((chain, region))
        if order is None:
            pools = [self._pool_tiers(pool, region) for pool in chain]
            if len(self._orders) >= MAX_REMEMBERED:
                self._orders.clear()
            tiers = tuple(tier for pool in pools for tier in pool)
            order = self._orders[chain, region] = _order(tiers)
        return order

    def may_keep(self, target: Target) -> bool:
        """Whether something of this URL may be kept, for one request or another."""
        return bool(self.keeps_ms) and self.matcher.may_keep(target.host, target.path)

    def _pool_tiers(self, name: str, region: str | None) -> list[Tier]:
        """By rank; variants of weight 0, who take no traffic, only behind all the others."""
        pool = self._pools[name]
        wanted = None if region is None else self.regions.orders[region]
        tiers = [tier for group in pool for tier in _ranked(group, wanted, name in self.strict)]
        return [tier for tier in tiers if tier]


def _order(tiers: Tiers) -> Order:
    open_to = frozenset(each.name for tier in tiers for each in tier if not each.drain)
    regions = tuple(" ".join(sorted({each.region or "" for each in tier})) for tier in tiers)
    return Order(tiers, _settled(tiers), open_to, regions)


def _settled(tiers: Tiers) -> Tier | None:
    if any(len(tier) > 1 or tier[0].drain for tier in tiers):
        return None
    return tuple(variant for (variant,) in tiers) or None


def _pool(variants: list[Variant]) -> tuple[ByRegion, ByRegion]:
    """Its variants that take traffic, and those of weight 0."""
    return _grouped(v for v in variants if v.weight), _grouped(v for v in variants if not v.weight)


def _grouped(variants: Iterable[Variant]) -> ByRegion:
    groups: dict[str | None, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(variant.region, []).append(variant)
    return {region: tuple(group) for region, group in groups.items()}


def _ranked(group: ByRegion, wanted: list[str] | None, strict: bool) -> Iterator[Tier]:
    """The client's region, its fallbacks, variants without a region, all the others."""
    if wanted is None:
        yield tuple(variant for variants in group.values() for variant in variants)
        return
    for region in wanted:
        yield group.get(region, ())
    if not strict:
        yield group.get(None, ())
        nearer = {None, *wanted}
        yield tuple(v for region, far in group.items() if region not in nearer for v in far)


class _Parts:
    """What routes have in common stands in memory once."""

    def __init__(
        self, chains: list[tuple[str, ...]], tables: list[Any], limits: dict[str, Limit]
    ) -> None:
        self.limits = limits
        self._chains = chains
        self._tables = tables
        self._made: dict[int, Any] = {}
        self._sizes: dict[Sizes, Sizes] = {}
        self._terms: dict[Terms, Terms] = {}
        self._shares: dict[tuple[Any, ...], tuple[Share, ...]] = {}
        self._sources: dict[tuple[Any, ...], tuple[Source, ...]] = {}

    def shares(self, split: list[tuple[str, float, int]]) -> tuple[Share, ...]:
        key = tuple(map(tuple, split))
        found = self._shares.get(key)
        if found is None:
            expect(SPLIT, split, "the split of a route")
            made = [Share(name, weight, self._chains[number]) for name, weight, number in split]
            made.sort(key=lambda share: (-share.weight, share.name))
            found = self._shares[key] = tuple(made)
        return found

    def terms(self, table: list[Any]) -> Terms:
        attempts, codes, *rest = table
        terms = Terms(attempts, frozenset(codes), *rest)
        found = self._terms.get(terms)
        if found is None:
            expect(FAILOVER, table, "`failover` of a route")
            found = self._terms[terms] = terms
        return found

    def sizes(self, table: list[Any]) -> Sizes:
        sizes = Sizes(*table)
        found = self._sizes.get(sizes)
        if found is None:
            expect(SIZES, table, "`sizes` of a route")
            found = self._sizes[sizes] = sizes
        return found

    def plan(self, number: int | None) -> Plan | None:
        return None if number is None else self._part(number, plan_from)

    def cors(self, number: int | None) -> Cors | None:
        return None if number is None else self._part(number, cors_from)

    def _part(self, number: int, made_from: Callable[[Any], P]) -> P:
        if number not in self._made:
            self._made[number] = made_from(self._tables[number])
        made: P = self._made[number]
        return made

    def sources(self, sticky: list[tuple[str, str, int]]) -> tuple[Source, ...]:
        key = tuple(map(tuple, sticky))
        found = self._sources.get(key)
        if found is None:
            expect(STICKY, sticky, "`sticky` of a route")
            found = self._sources[key] = tuple(Source(*source) for source in sticky)
        return found


def _route(table: dict[str, Any], parts: _Parts) -> Route:
    expect(ROUTE, table, "a route")
    needs = Needs(frozenset(table["auth"][0]), table["auth"][1]) if "auth" in table else None
    common = (
        table["name"],
        parts.sizes(table["sizes"]),
        needs,
        route_limits(table.get("rate_limits", ()), parts.limits),
    )
    filters: dict[str, Any] = {
        "redirect": redirect_from(table.get("redirect")),
        "cors": parts.cors(table.get("cors")),
        "cache": cache_rule_from(table.get("cache")),
        "plan": parts.plan(table.get("plan")),
        "plans": _plans(table.get("plans"), parts),
    }
    if "respond" in table:
        status, headers, body = table["respond"]
        answer = Answer(status, tuple((name, value) for name, value in headers), body)
        return Route(*common, respond=answer, **filters)
    if "split" not in table:
        return Route(*common, **filters)
    shares = parts.shares(table["split"])
    return Route(
        *common,
        table["seed"],
        shares,
        parts.shares(table.get("dormant", [])),
        sum(share.weight for share in shares),
        parts.sources(table["sticky"]),
        table["request_ms"],
        table["backend_request_ms"],
        parts.terms(table["failover"]),
        override=override_from(table.get("override")),
        **filters,
    )


def _plans(numbers: dict[str, int] | None, parts: _Parts) -> dict[str, Plan] | None:
    made = {pool: parts.plan(number) for pool, number in (numbers or {}).items()}
    return {pool: plan for pool, plan in made.items() if plan} or None
