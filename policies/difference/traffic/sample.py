"""A sample of requests for two policies, generated from what their routes match.

- It is deterministic: the same two policies give the same sample.
- Every route of both has the same number of requests: those that its alternatives match
  (`shapes.py`), spread over clients and regions (`clients.py`).
- Requests that both policies decide by equal routes are not evaluated.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from policies.balancing.choose import read_target
from policies.compiled.model import Route
from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import PolicyTables
from policies.difference.difference import Side
from policies.difference.traffic.clients import SECRET, Crowd
from policies.difference.traffic.outcomes import Judge
from policies.difference.traffic.shapes import Shape, schemes_of, shapes_of
from policies.difference.traffic.stand_ins import with_stand_ins
from policies.difference.traffic.traffic import Traffic
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.language.model.policy import Route as Described
from policies.proxy.decide import Surroundings
from policies.routing.match import Miss

REQUESTS = 400  # per route: a share of 5 % is then known to about 2 %
MAX_REQUESTS = 12_000  # for all routes that may have changed, unless more are requested
LEAST = 12


class Taken(NamedTuple):
    """A shape with its old and its new route; `settled`: nothing changes."""

    shape: Shape
    routes: tuple[Route, ...]
    settled: bool


class Sample:
    """`renamed`: the new names of old routes."""

    def __init__(
        self,
        before: Side,
        after: Side,
        renamed: Mapping[str, str],
        now_ms: float,
    ) -> None:
        self._policies = before.policy, after.policy
        self._renamed = renamed
        self._crowd = Crowd(before.tables, after.tables)
        copies = self._crowd.copies
        around = Surroundings(now_ms, cookie_secret=SECRET)
        self._before = Judge(_compiled(before.tables, copies), around, renamed)
        self._after = Judge(_compiled(after.tables, copies), around, {})
        self._context = _context(before.tables) == _context(after.tables)
        self._auth = before.tables.auth == after.tables.auth
        self._matching = _matching(before.tables) == _matching(after.tables)

    def ask(self, requests: int | None) -> Traffic:
        """Evaluate `requests` requests of each route; None: a default number."""
        idle = self._idle()
        rows = {
            name: [] if name in idle else [self._take(shape) for shape in shapes]
            for name, shapes in self._shapes(idle).items()
        }
        if requests is None:
            open_rows = sum(not all(taken.settled for taken in row) for row in rows.values())
            most = MAX_REQUESTS // max(1, open_rows)
            requests = max(LEAST, min(REQUESTS, most))
        traffic = Traffic("sample")
        for name, row in rows.items():
            self._ask_row(traffic, name, row, requests)
        return traffic

    def _ask_row(self, traffic: Traffic, name: str, row: list[Taken], requests: int) -> None:
        requests = max(requests, len(row))
        if all(shape.settled for shape in row):
            traffic.row(name).requests += requests
            return
        for number in range(requests):
            taken = row[number % len(row)]
            if taken.settled:
                traffic.row(name).requests += 1
                continue
            sent, label = self._crowd.ask(number, taken.shape, taken.routes)
            was, source = self._before.outcomes(sent)
            now, _ = self._after.outcomes(sent)
            traffic.add(name, sent, label if source or len(was) == 1 else "", was, now)

    def _idle(self) -> frozenset[str]:
        """Return the routes that take the same requests as before and send all of them to the
        same places. Requests that other routes take from them are reported for those."""
        if not (self._matching and self._context):
            return frozenset()
        pairs = zip(self._before.policy.routes, self._after.policy.routes, strict=True)
        return frozenset(after.name for before, after in pairs if self._is_same(before, after))

    def _shapes(self, idle: Container[str]) -> dict[str, list[Shape]]:
        """Return the shapes of each route of both policies, by its new name."""
        rows: dict[str, list[Shape]] = {}
        described: dict[str, Described] = {}
        before, after = self._policies
        schemes = schemes_of(before, after)
        for route in after.routes:
            rows[route.name] = [] if route.name in idle else shapes_of(route, schemes)
            described[route.name] = route
        for route in before.routes:
            name = self._renamed.get(route.name, route.name)
            same = described.get(name)
            if not same or _matched(same) != _matched(route):
                rows[name] = list(dict.fromkeys([*rows.get(name, ()), *shapes_of(route, schemes)]))
        return rows

    def _take(self, shape: Shape) -> Taken:
        old, new = self._before.policy, self._after.policy
        before = _find(old, shape)
        after = before if self._matching and self._context else _find(new, shape)
        routes = []
        for policy, found in ((old, before), (new, after)):
            routes += [policy.routes[found]] if isinstance(found, int) else []
        settled = self._context and type(before) is type(after)
        if len(routes) == 2:
            settled = settled and self._is_same(*routes)
        return Taken(shape, tuple(routes), settled and (len(routes) == 2 or before == after))

    def _is_same(self, before: Route, after: Route) -> bool:
        """Return whether both send every client to the same place."""
        if self._renamed.get(before.name, before.name) != after.name:
            return False
        if _deciding(before) != _deciding(after):
            return False
        return self._auth or not (before.needs or any(s.kind == "api_key" for s in before.sticky))


def _compiled(tables: PolicyTables, copies: int) -> CompiledPolicy:
    return CompiledPolicy(with_stand_ins(tables, copies))


def _matching(tables: PolicyTables) -> object:
    """Return all that decides which route matches."""
    return tables.first, tables.hosts, [route.redirect for route in tables.routes]


def _matched(route: Described) -> tuple[object, ...]:
    return route.first, route.hostnames, route.matches


def _find(policy: CompiledPolicy, shape: Shape) -> int | str:
    """Return the position of the route that matches a shape, or why none does."""
    headers = dict(shape.headers)
    target = read_target(policy, shape.url, headers)
    if isinstance(target, Problem):
        return target.code
    rule = policy.matcher.find(Request(shape.method, target, headers, Client()))
    if isinstance(rule, Miss):
        return "method" if rule.methods else "nothing"
    return rule.route


def _deciding(route: Route) -> tuple[object, ...]:
    """Return the fields of a route that decide where requests go."""
    answers = route.respond, route.redirect, route.cors
    return route.sizes, route.needs, route.seed, route.shares, route.sticky, *answers


def _context(tables: PolicyTables) -> list[object]:
    """Return what affects the decisions of all routes."""
    variants = [(v.name, v.pool, v.region, v.weight, v.drain) for v in tables.variants]
    return [variants, tables.merge_slashes, tables.strict, tables.regions, tables.limits]
