"""Names and numbers in compiled tables that lead nowhere: such tables are refused.

What the compiler writes has none. Types do not show them, and a request would fail on one.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.basics.steps import Steps, pause_after
from policies.compiled.form.text import NoForm
from policies.compiled.model import Route
from policies.compiled.tables import PolicyTables
from policies.http.filters import FilterChain

STEP_CHECKED = 1_000  # routes or rules in one unit of work


def check_references(tables: PolicyTables) -> Steps[None]:
    """Raise `NoForm` for one that leads nowhere, in steps."""
    _check_variants_and_regions(tables)
    pools = yield from _pools(tables.routes)
    if not pools <= tables.pools.keys():
        raise NoForm("`routes` has a name of no pool")
    routes = range(len(tables.routes))
    for number, route in enumerate(_routes_of_rules(tables)):
        if route not in routes:
            raise NoForm("a rule has a number of no route")
        yield from pause_after(number, STEP_CHECKED)


def _check_variants_and_regions(tables: PolicyTables) -> None:
    variants, regions = range(len(tables.variants)), tables.regions
    if any(position not in variants for each in tables.pools.values() for position in each):
        raise NoForm("`pools` has a position of no variant")
    kinds = (regions.colos, regions.countries, regions.continents)
    named = {region for codes in kinds for region in codes.values()}
    named |= {region for order in regions.orders.values() for region in order}
    if not named | ({regions.default} - {None}) <= regions.orders.keys():
        raise NoForm("`regions` has a name of no region")


def _pools(routes: tuple[Route, ...]) -> Steps[set[str]]:
    """The pools that routes lead to; what many routes share is looked at once."""
    pools, seen = set[str](), set[int]()
    for number, route in enumerate(routes):
        if not (route.shares or route.respond or route.redirect):
            raise NoForm("a route leads nowhere")
        for shares in (route.shares, route.dormant):
            if id(shares) not in seen:
                seen.add(id(shares))
                pools.update(pool for share in shares for pool in share.chain)
        pools.update(mirror.pool for chain in _filters(route) for mirror in chain.mirrors)
        yield from pause_after(number, STEP_CHECKED)
    return pools


def _filters(route: Route) -> Iterator[FilterChain]:
    if route.plan:
        yield route.plan
    if route.plans:
        yield from route.plans.values()


def _routes_of_rules(tables: PolicyTables) -> Iterator[int]:
    for hosts in (tables.first, tables.hosts):
        for host in hosts.values():
            for paths in (host.exact, host.prefix):
                for rules in paths.values():
                    for rule in rules:
                        yield rule.route
            for each in host.regex:
                yield each.rule.route
