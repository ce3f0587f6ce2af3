"""Routes whose order decides who gets a request, and that stand the other way round now.

Order counts only among alternatives of one hostname and one path that rank the same
(`decisions/match.py`) and that one request can meet: they have a method in common, no
header or query parameter is to have two different values, and no path can tell two
regular expressions apart. Of the routes that one has been moved behind, the next one is
told: who reads that, looks there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from policies.difference.intersection import have_common_text
from policies.difference.pairs import Renamed

MAX_COMPARED = 200  # alternatives of one rank on one path; of more, the first ones
MAX_PATTERNS = 300  # pairs of regular expressions, some milliseconds each; of more, the first
Tables = dict[str, Any]


class Alternative(NamedTuple):
    """`pattern` is the path's regular expression and its automaton, if it has one."""

    route: str
    methods: frozenset[str] | None
    conditions: dict[tuple[str, str], str | None]
    pattern: tuple[str, Any] | None

    def meets(self, other: Alternative) -> bool:
        """Whether one request may meet both."""
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
    """Pairs of routes by their names after: the first one now has what the second one had.
    From compiled tables, and the routes that both policies have."""
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
    """Alternatives that rank the same, in the order of the file."""
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
