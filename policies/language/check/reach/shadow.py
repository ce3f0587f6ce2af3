"""Warnings about routes, and alternatives of routes, that no request reaches.

- The most specific rule goes first (`routing/match.py`). So a rule is unreachable only if
  earlier rules with the same hostname, path, scheme and number of conditions match all its
  requests: all its methods, and each condition by the same value, the same expression, or an
  expression that its value matches. Several rules may do so together, each for some of the
  methods or hostnames.
- Routes with `first` are compared only with each other: their precedence is intended.
- There are no false findings: two different expressions are not compared. Only the first few
  rules that could cover another are compared, which keeps the cost linear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from policies.basics.regex import Matcher
from policies.basics.regex_compiler import compile_pattern
from policies.language.findings.findings import shown
from policies.language.findings.found import Found, KeyOf
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.policy import Match, PathMatch, Policy, Route

MAX_COMPARED = 8  # rules with expressions that one rule is compared with
MAX_METHODS = 9  # methods of one rule that are checked one by one: RFC 9110 and PATCH
Conditions = dict[tuple[str, str], HeaderMatch | QueryParamMatch]  # by kind and name


def shadowed_routes(policy: Policy) -> Iterator[Found]:
    """Yield a finding for each unreachable route, and each unreachable alternative of others."""
    seen = _Seen()
    for index, route in enumerate(policy.routes):
        owners = [seen.owners(index, route, match) for match in route.matches or [Match()]]
        if all(owners):
            names = _names(policy, {owner for takers in owners for owner in takers} - {index})
            message = (
                f"no request reaches this route: earlier routes match the same requests ({names})"
            )
            hint = "change what it matches, or remove it"
            yield "duplicate-route", ("routes", index, KeyOf("name")), message, hint
            continue
        for at, takers in enumerate(owners):
            if takers:
                names = _names(policy, takers)
                message = "no request reaches this alternative: earlier routes match all "
                message += f"its requests ({names})"
                hint = "change what it matches, or remove it"
                yield "unreachable-match", ("routes", index, "matches", at), message, hint


def _names(policy: Policy, routes: set[int]) -> str:
    return ", ".join(f"`{shown(policy.routes[owner].name)}`" for owner in sorted(routes)[:5])


class _Broad(NamedTuple):
    """A rule with expressions, which may cover rules that are written differently."""

    route: int
    conditions: Conditions
    matchers: dict[tuple[str, str], Matcher]

    def covers(self, others: Conditions) -> bool:
        for name, own in self.conditions.items():
            other = others[name]
            if (own.value, own.regex) == (other.value, other.regex):
                continue
            if own.regex is None or other.value is None:
                return False
            if name not in self.matchers:
                self.matchers[name] = Matcher(compile_pattern(own.regex))
            if not self.matchers[name].matches(other.value):
                return False
        return True


class _Seen:
    """The rules so far, by what a rule that they cover has in common with them."""

    def __init__(self) -> None:
        self._same: defaultdict[Hashable, dict[Hashable, int]] = defaultdict(dict)
        self._broad: defaultdict[Hashable, list[_Broad]] = defaultdict(list)

    def owners(self, index: int, route: Route, match: Match) -> set[int]:
        """Add the rule. Returns the routes that take all its requests; empty if it is reachable."""
        conditions = _conditions(match)
        values = frozenset(
            (name, condition.value, condition.regex) for name, condition in conditions.items()
        )
        path = (route.first, match.scheme, _path(match.path))
        names = frozenset(conditions)
        has_expression = any(condition.regex is not None for condition in conditions.values())
        owners: set[int | None] = set()
        for host in dict.fromkeys(route.hostnames or [""]):
            same = self._same[host, path, values]
            for method in _methods(match):
                owner, broad = same.get(method), (host, path, names, method)
                if owner is None and broad in self._broad:
                    owner = _covering(self._broad[broad], conditions)
                owners.add(owner)
                if _takes_all(route) and method not in same:
                    same[method] = index
                    if has_expression and len(self._broad[broad]) < MAX_COMPARED:
                        self._broad[broad].append(_Broad(index, conditions, {}))
        return set() if None in owners else {owner for owner in owners if owner is not None}


def _covering(broad: list[_Broad], conditions: Conditions) -> int | None:
    return next(
        (alternative.route for alternative in broad if alternative.covers(conditions)), None
    )


def _methods(match: Match) -> Iterable[Hashable]:
    """Return the methods, one by one if they are few; `[None]` for all methods."""
    methods = frozenset(match.methods or ())
    return (methods if len(methods) <= MAX_METHODS else [methods]) or [None]


def _takes_all(route: Route) -> bool:
    """Return whether it takes all that it matches: a redirect skips requests at its target."""
    return route.filters is None or route.filters.redirect is None


def _conditions(match: Match) -> Conditions:
    found: Conditions = {
        ("header", condition.name.lower()): condition for condition in match.headers
    }
    found.update((("query", condition.name), condition) for condition in match.query_params)
    return found


def _path(path: PathMatch | None) -> Hashable:
    if path is None or path.prefix is not None:
        return "prefix", ((path and path.prefix) or "/").removesuffix("/")
    return "exact" if path.regex is None else "regex", path.exact, path.regex
