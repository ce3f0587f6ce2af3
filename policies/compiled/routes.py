"""Routes from their tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from policies.access.authenticate import Needs
from policies.access.rate_limits import Limit, route_limits
from policies.access.sticky import Source
from policies.compiled.form.types import (
    FAILOVER,
    ROUTE,
    SIZES,
    SPLIT,
    STICKY,
    expect,
)
from policies.compiled.model import Route, Share
from policies.http.answer import Answer
from policies.http.cache import cache_rule_from
from policies.http.cors import Cors, cors_from
from policies.http.filters import Plan, plan_from
from policies.http.limits import Sizes
from policies.http.redirect import redirect_from
from policies.resilience.failover import Terms
from policies.routing.override import override_from

P = TypeVar("P")


class Parts:
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


def route_from(table: dict[str, Any], parts: Parts) -> Route:
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


def _plans(numbers: dict[str, int] | None, parts: Parts) -> dict[str, Plan] | None:
    made = {pool: parts.plan(number) for pool, number in (numbers or {}).items()}
    return {pool: plan for pool, plan in made.items() if plan} or None
