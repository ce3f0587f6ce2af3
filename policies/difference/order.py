"""Finds routes whose order matters and has been reversed.

Order matters only between alternatives with the same hostname, path and precedence
(`routing/match.py`) that one request can match: they have a method in common, require no
different values of a header or query parameter, and their regular expressions can match the
same path. If a route has been moved behind several others, only the nearest is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.basics.regex import Program
from policies.compiled.tables import PolicyTables
from policies.difference.intersection import have_common_text
from policies.difference.pairs import Renamed
from policies.routing.rules import Alternative as Rule

MAX_COMPARED = 200  # alternatives of one precedence and path; only the first ones are compared
MAX_PATTERNS = 300  # pairs of regular expressions, some milliseconds each; the first ones


class ComparedAlternative(NamedTuple):
    """`pattern` is that of the path, if it has one."""

    route: str
    methods: frozenset[str] | None
    conditions: dict[tuple[str, str], str | None]
    pattern: Program | None

    def meets(self, other: ComparedAlternative) -> bool:
        """Return whether one request can match both."""
        if self.methods and other.methods and self.methods.isdisjoint(other.methods):
            return False
        for name in self.conditions.keys() & other.conditions.keys():
            values = self.conditions[name], other.conditions[name]
            if None not in values and values[0] != values[1]:
                return False
        if self.pattern and other.pattern and self.pattern.pattern != other.pattern.pattern:
            return have_common_text(self.pattern, other.pattern)
        return True


def reordered(
    before: PolicyTables, after: PolicyTables, common: Renamed
) -> Iterator[tuple[str, str]]:
    """Yield pairs of routes by their new names: the first now takes requests that the second had.
    Takes compiled tables, and the routes that both policies have."""
    old, new = _ranks(before), _ranks(after)
    kept = set(common.values())
    swaps: set[tuple[str, str]] = set()
    for key in old.keys() & new.keys():
        was = [common[alternative.route] for alternative in old[key] if alternative.route in common]
        now = [alternative for alternative in new[key] if alternative.route in kept]
        places = {name: place for place, name in reversed([*enumerate(was)])}
        now = [alternative for alternative in now if alternative.route in places]
        if [places[alternative.route] for alternative in now] != sorted(
            places[alternative.route] for alternative in now
        ):
            swaps.update(_swapped(now, places))
    order = {route.name: at for at, route in enumerate(after.routes)}
    yield from sorted(swaps, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _swapped(
    now: Iterable[ComparedAlternative], places: dict[str, int]
) -> Iterator[tuple[str, str]]:
    compared, left = [*now][:MAX_COMPARED], MAX_PATTERNS
    for at, first in enumerate(compared):
        for second in compared[at + 1 :]:
            if places[first.route] < places[second.route]:
                continue
            if first.pattern and second.pattern:
                left -= 1
            if left >= 0 and first.meets(second):
                yield first.route, second.route
                break


class _Rank(NamedTuple):
    """Where an alternative stands: among those of equal rank the order of the file decides.
    `place`: of an exact path, a prefix or a pattern, whose length is `length`."""

    first: bool
    host: str
    place: str
    path: str
    length: int
    has_scheme: bool
    has_methods: bool
    headers: int
    params: int


def _ranks(tables: PolicyTables) -> dict[_Rank, list[ComparedAlternative]]:
    """Return the alternatives by precedence, in the order of the file."""
    names = [route.name for route in tables.routes]
    ranks: defaultdict[_Rank, list[ComparedAlternative]] = defaultdict(list)
    for first, hosts in ((True, tables.first), (False, tables.hosts)):
        for host, found in hosts.items():
            for place, paths in (("exact", found.exact), ("prefix", found.prefix)):
                for path, rules in paths.items():
                    for rule in rules:
                        rank = _rank(rule, first, host, place, path)
                        ranks[rank].append(_alternative(names, rule, None))
            for under, program, rule in found.regex:
                rank = _rank(rule, first, host, "regex", under, len(program.pattern))
                ranks[rank].append(_alternative(names, rule, program))
    return {
        key: alternatives
        for key, alternatives in ranks.items()
        if len({one.route for one in alternatives}) > 1
    }


def _rank(rule: Rule, first: bool, host: str, place: str, path: str, length: int = 0) -> _Rank:
    conditions = len(rule.headers), len(rule.params)
    has_scheme, has_methods = rule.scheme is not None, rule.methods is not None
    return _Rank(first, host, place, path, length, has_scheme, has_methods, *conditions)


def _alternative(names: list[str], rule: Rule, pattern: Program | None) -> ComparedAlternative:
    conditions = {("header", condition.name): condition.value for condition in rule.headers}
    conditions |= {("query", condition.name): condition.value for condition in rule.params}
    if rule.scheme:
        conditions["scheme", ""] = rule.scheme
    return ComparedAlternative(names[rule.route], rule.methods, conditions, pattern)
