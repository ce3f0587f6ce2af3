"""Warnings about routes over which more specific routes take precedence; see `check.py`.

- `redirect-does-not-cover`: a route forwards http requests before a redirect to https, because
  its hostname or path is more specific. Routes that name a scheme are not reported.
- `shadowed-by-host`: a route forwards all requests of a route that answers at the edge or
  requires a key, because it names the host. A default route for all other hosts, which is
  last and has a status below 500, is not reported.
- `first: true` fixes both; `first: false` confirms that the order is intended.
- Linear: at most MAX_PAIRS pairs are compared; pairs beyond are not reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from policies.basics.regex import literal_prefix
from policies.basics.regex_compiler import compile_pattern
from policies.language.findings.findings import shown
from policies.language.findings.found import Found, KeyOf
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.policy import Match, PathMatch, Policy, Route

MAX_PAIRS = 10_000  # of alternatives, in all
MAX_NAMED = 5  # routes or hosts in one finding


Condition = HeaderMatch | QueryParamMatch
Values = dict[tuple[str, str], tuple[str | None, str | None]]  # by kind and name


class Reach:
    """What one alternative of a route matches, without its hostname; no methods: all."""

    def __init__(
        self, scheme: str | None, path: PathMatch | None, methods: frozenset[str], values: Values
    ) -> None:
        self.scheme, self._path, self.methods, self.values = scheme, path, methods, values

    @cached_property
    def path(self) -> tuple[str, str]:
        """`exact`, `prefix` or `regex`, with the path, or with the prefix of all matched paths."""
        path = self._path
        if path and path.exact is not None:
            return "exact", path.exact
        if path and path.regex is not None:
            return "regex", literal_prefix(compile_pattern(path.regex)).rpartition("/")[0]
        return "prefix", ((path and path.prefix) or "/").removesuffix("/")

    @cached_property
    def rank(self) -> tuple[int, ...]:
        """Its precedence (`routing/match.py`), without hostname and order in the file; the
        highest goes first."""
        kind, text = self.path
        path = (1, 0, 0) if kind == "exact" else (0, text.count("/"), kind == "regex")
        headers = sum(kind == "header" for kind, _ in self.values)
        conditions = self.scheme is not None, bool(self.methods), headers
        return (*path, *conditions, len(self.values) - headers)

    def meets(self, other: Reach) -> Reach | None:
        """Return what both match; None if that is nothing or unknown."""
        methods = (self.methods & other.methods) or self.methods or other.methods
        if self.methods and other.methods and self.methods.isdisjoint(other.methods):
            return None
        if any(self.values[n] != other.values[n] for n in self.values.keys() & other.values.keys()):
            return None
        if None not in (self.scheme, other.scheme) and self.scheme != other.scheme:
            return None
        narrow = self if other.takes_path(self) else other if self.takes_path(other) else None
        if narrow is None:
            return None
        scheme = self.scheme or other.scheme
        return Reach(scheme, narrow._path, methods, self.values | other.values)

    def takes_path(self, other: Reach) -> bool:
        (kind, text), (_, other_text) = self.path, other.path
        return _is_below(other_text, text) if kind == "prefix" else self._path == other._path

    def takes_all_of(self, other: Reach) -> bool:
        """Return whether it matches everything that `other` matches."""
        if self.methods and not (other.methods and other.methods <= self.methods):
            return False
        if self.scheme not in (None, other.scheme):
            return False
        return self.values.items() <= other.values.items() and self.takes_path(other)


BY_HTTP = Reach("http", None, frozenset(), {})


def _values(match: Match) -> Values:
    pairs: list[tuple[tuple[str, str], Condition]] = [
        *(
            (("header", match_condition.name.lower()), match_condition)
            for match_condition in match.headers
        ),
        *(
            (("query", match_condition.name), match_condition)
            for match_condition in match.query_params
        ),
    ]
    return {name: (match_condition.value, match_condition.regex) for name, match_condition in pairs}


@dataclass(frozen=True, slots=True)
class RankedRule:
    """An alternative of a route, for one of its hostnames."""

    index: int
    route: Route
    host: str
    reach: Reach


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def is_narrower(one: str, other: str) -> bool:
    """Return whether the hosts of `one` are a part of those of `other`."""
    if one == other or not one:
        return False
    return not other or (other.startswith("*.") and one.removeprefix("*").endswith(other[1:]))


class _Rules:
    """All rules; yields at most MAX_PAIRS pairs of a rule and one that may precede it."""

    def __init__(self, policy: Policy) -> None:
        self._forwarding: defaultdict[str, list[RankedRule]] = defaultdict(list)
        self.of: defaultdict[int, list[RankedRule]] = defaultdict(list)
        self._left = MAX_PAIRS
        for index, route in enumerate(policy.routes):
            for match in route.matches or [Match()]:
                methods = frozenset(match.methods or ())
                reach = Reach(match.scheme, match.path, methods, _values(match))
                for host in dict.fromkeys(route.hostnames or [""]):
                    self._add(RankedRule(index, route, host, reach))

    def _add(self, rule: RankedRule) -> None:
        self.of[rule.index].append(rule)
        if not _answers(rule.route):
            self._forwarding[rule.host].append(rule)

    def on_same_host(self, index: int) -> Iterator[tuple[RankedRule, RankedRule]]:
        for rule in self.of[index]:
            yield from self._with(rule, self._forwarding.get(rule.host, []))

    def on_narrower_hosts(self, index: int) -> Iterator[tuple[RankedRule, RankedRule]]:
        for rule in self.of[index]:
            if rule.host and not rule.host.startswith("*."):
                continue
            for host, others in self._forwarding.items():
                self._left -= 1
                if self._left > 0 and is_narrower(host, rule.host):
                    yield from self._with(rule, others)

    def _with(
        self, rule: RankedRule, others: list[RankedRule]
    ) -> Iterator[tuple[RankedRule, RankedRule]]:
        for other in others:
            self._left -= 1
            if self._left < 0:
                return
            yield rule, other


def overtaken_routes(policy: Policy) -> Iterator[Found]:
    """Yield both findings, each at most once per route."""
    doubtful = [
        (index, route)
        for index, route in enumerate(policy.routes)
        if "first" not in route.model_fields_set and (_answers(route) or route.auth)
    ]
    if not doubtful:
        return
    rules = _Rules(policy)
    for index, route in doubtful:
        if _upgrades(route):
            yield from _uncovered(index, rules)
    for index, route in doubtful:
        if not _upgrades(route):
            yield from _shadowed(index, rules)


def _upgrades(route: Route) -> bool:
    """Return whether it redirects http to https and changes nothing else."""
    redirect = route.filters.redirect if route.filters else None
    if redirect is None or redirect.scheme != "https":
        return False
    return redirect.hostname is None and redirect.path is None


def _answers(route: Route) -> bool:
    return route.respond is not None or bool(route.filters and route.filters.redirect)


def _uncovered(index: int, rules: _Rules) -> Iterator[Found]:
    found: dict[str, None] = {}
    for rule, other in chain(rules.on_narrower_hosts(index), rules.on_same_host(index)):
        if other.reach.scheme or other.route.first or other.route.name in found:
            continue
        if other.host == rule.host and other.reach.rank <= rule.reach.rank:
            continue
        both = rule.reach.meets(other.reach)
        in_clear = both and both.meets(BY_HTTP)
        if in_clear and not _is_settled(in_clear, other, rules.of[index], rules.of[other.index]):
            found[other.route.name] = None
    if found:
        takes = "takes" if len(found) == 1 else "take"
        message = (
            f"{_named(found)} {takes} precedence over this redirect and can be reached by http"
        )
        hint = "add `first: true` to this route; if http is intended there, add `scheme: "
        hint += "http` to its match"
        path = ("routes", index, "filters", KeyOf("redirect"))
        yield "redirect-does-not-cover", path, message, hint


def _is_settled(
    reach: Reach, other: RankedRule, redirects: list[RankedRule], forwards: list[RankedRule]
) -> bool:
    """Return whether another alternative takes the requests of `other`: one of the redirect, or
    one that names the scheme."""
    named = [rule for rule in forwards if rule.reach.scheme]
    return any(
        rule.host == other.host
        and rule.reach.rank >= other.reach.rank
        and rule.reach.takes_all_of(reach)
        for rule in (*redirects, *named)
    )


def _shadowed(index: int, rules: _Rules) -> Iterator[Found]:
    hosts: dict[str, None] = {}
    owners: dict[str, None] = {}
    for rule, other in rules.on_narrower_hosts(index):
        if other.route.first or not _is_meant_for_all(rule, other):
            continue
        if other.reach.takes_all_of(rule.reach):
            hosts[other.host] = None
            owners[other.route.name] = None
    if hosts:
        take = "takes" if len(owners) == 1 else "take"
        message = f"{_named(owners)} {take} all requests of this route for {_named(hosts)}: "
        message += "a route that names the host takes precedence"
        names = ", ".join(f'"{host}"' if "*" in host else host for host in hosts)
        hint = "add `first: true`"
        if len(hosts) <= MAX_NAMED:
            hint += f", or name the hosts: `hostnames: [{names}]`"
        yield "shadowed-by-host", ("routes", index, KeyOf("name")), message, hint


def _is_meant_for_all(rule: RankedRule, other: RankedRule) -> bool:
    """Return whether it would precede `other` without hostnames and does something else, or
    answers with 5xx, as a switch for maintenance does."""
    route, ranks = rule.route, (rule.reach.rank, other.reach.rank)
    if not _answers(route):
        return other.route.auth is None and ranks[0] > ranks[1]
    if route.respond and route.respond.status >= 500:
        return True
    return ranks[0] > ranks[1] or (ranks[0] == ranks[1] and rule.index < other.index)


def _named(names: dict[str, None]) -> str:
    listed = ", ".join(f"`{shown(name)}`" for name in list(names)[:MAX_NAMED])
    return listed if len(names) <= MAX_NAMED else f"{listed} and {len(names) - MAX_NAMED} more"
