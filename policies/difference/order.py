"""Finds routes whose order matters and has been reversed.

Order matters only between alternatives with the same hostname, path and precedence
(`routing/match.py`) that one request can match: they have a method in common, require no
different values of a header or query parameter, and their regular expressions can match the
same path. If a route has been moved behind several others, only the nearest is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from policies.difference.intersection import have_common_text
from policies.difference.pairs import Renamed

MAX_COMPARED = 200  # alternatives of one precedence and path; only the first ones are compared
MAX_PATTERNS = 300  # pairs of regular expressions, some milliseconds each; the first ones
Tables = dict[str, Any]


class Alternative(NamedTuple):
    """`pattern` is the path's regular expression and its automaton, if it has one."""

    route: str
    methods: frozenset[str] | None
    conditions: dict[tuple[str, str], str | None]
    pattern: tuple[str, Any] | None

    def meets(self, other: Alternative) -> bool:
        """Return whether one request can match both."""
        if self.methods and other.methods and self.methods.isdisjoint(other.methods):
            return False
        for name in self.conditions.keys() & other.conditions.keys():
            values = self.conditions[name], other.conditions[name]
            if None not in values and values[0] != values[1]:
                return False
        if self.pattern and other.pattern and self.pattern[0] != other.pattern[0]:
            return have_common_text(self.pattern[1], other.pattern[1])
        return True


def reordered(before: Tables, after: Tables, common: Renamed) -> Iterator[tuple[str, str]]:
    """Yield pairs of routes by their new names: the first now takes requests that the second had.
    Takes compiled tables, and the routes that both policies have."""
    old, new = _ranks(before), _ranks(after)
    kept = set(common.values())
    told: set[tuple[str, str]] = set()
    for key in old.keys() & new.keys():
        was = [common[each.route] for each in old[key] if each.route in common]
        now = [each for each in new[key] if each.route in kept]
        places = {name: place for place, name in reversed([*enumerate(was)])}
        now = [each for each in now if each.route in places]
        if [places[each.route] for each in now] != sorted(places[each.route] for each in now):
            told.update(_swapped(now, places))
    order = {route["name"]: at for at, route in enumerate(after["routes"])}
    yield from sorted(told, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _swapped(now: Iterable[Alternative], places: dict[str, int]) -> Iterator[tuple[str, str]]:
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


def _ranks(tables: Tables) -> dict[tuple[Any, ...], list[Alternative]]:
    """Return the alternatives by precedence, in the order of the file."""
    names = [route["name"] for route in tables["routes"]]
    ranks: defaultdict[tuple[Any, ...], list[Alternative]] = defaultdict(list)
    every = [(group, *entry) for group in ("first", "hosts") for entry in tables[group].items()]
    for group, host, table in every:
        for kind in ("exact", "prefix"):
            for path, rules in table[kind].items():
                for rule in rules:
                    key = (group, host, kind, path, *_rank(rule))
                    ranks[key].append(_alternative(names, rule, None))
        for under, text, program, rule in table["regex"]:
            key = (group, host, under, len(text), *_rank(rule))
            ranks[key].append(_alternative(names, rule, (text, program)))
    return {key: each for key, each in ranks.items() if len({one.route for one in each}) > 1}


def _rank(rule: list[Any]) -> tuple[bool, bool, int, int]:
    _, methods, headers, params, _, _, scheme = rule
    return bool(scheme), bool(methods), len(headers), len(params)


def _alternative(names: list[str], rule: list[Any], pattern: Any) -> Alternative:
    position, methods, headers, params, _, _, scheme = rule
    conditions = {("header", name): value for name, value, _ in headers}
    conditions |= {("query", name): value for name, value, _ in params}
    if scheme:
        conditions["scheme", ""] = scheme
    return Alternative(
        names[position], frozenset(methods) if methods else None, conditions, pattern
    )
