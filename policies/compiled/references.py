"""Refuses compiled tables with names or numbers that lead nowhere.

The compiler writes no such tables. Types do not rule them out, and a request would fail on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.basics.steps import Steps
from policies.compiled.form.text import NoForm
from policies.compiled.model import Route
from policies.compiled.tables import PolicyTables
from policies.http.filters import Mirror
from policies.routing.rules import Alternative

STEP_CHECKED = 1_000  # routes or rules in one unit of work


def check_references(tables: PolicyTables) -> Steps[None]:
    """Raise `NoForm` for a name or number that leads nowhere, in steps."""
    _check_variants_and_regions(tables)
    pools = yield from _pools(tables.routes)
    if not pools <= tables.pools.keys():
        raise NoForm("`routes` has a name of no pool")
    routes, checked = range(len(tables.routes)), 0
    for rules in _rules(tables):
        if any(rule.route not in routes for rule in rules):
            raise NoForm("a rule has a number of no route")
        checked += len(rules)
        if checked >= STEP_CHECKED:
            checked = 0
            yield 1


def _check_variants_and_regions(tables: PolicyTables) -> None:
    variants, regions = range(len(tables.variants)), tables.regions
    if any(
        position not in variants for positions in tables.pools.values() for position in positions
    ):
        raise NoForm("`pools` has a position of no variant")
    kinds = (regions.colos, regions.countries, regions.continents)
    named = {region for codes in kinds for region in codes.values()}
    named |= {region for order in regions.orders.values() for region in order}
    if not named | ({regions.default} - {None}) <= regions.orders.keys():
        raise NoForm("`regions` has a name of no region")


def _pools(routes: tuple[Route, ...]) -> Steps[set[str]]:
    """Return the pools that routes lead to. What many routes share is looked at once."""
    pools, seen = set[str](), set[int]()
    for number, route in enumerate(routes):
        if not (route.shares or route.respond or route.redirect):
            raise NoForm("a route leads nowhere")
        for shares in (route.shares, route.dormant):
            if id(shares) not in seen:
                seen.add(id(shares))
                pools.update(pool for share in shares for pool in share.chain)
        if route.plan or route.plans:
            pools.update(mirror.pool for mirror in _mirrors(route))
        if number % STEP_CHECKED == STEP_CHECKED - 1:
            yield 1
    return pools


def _mirrors(route: Route) -> Iterator[Mirror]:
    for chain in (route.plan, *(route.plans or {}).values()):
        if chain:
            yield from chain.mirrors


def _rules(tables: PolicyTables) -> Iterator[Sequence[Alternative]]:
    for hosts in (tables.first, tables.hosts):
        for host in hosts.values():
            yield from host.exact.values()
            yield from host.prefix.values()
            yield [expression.rule for expression in host.regex]
