"""Finds the route of a request, by the precedence of the Gateway API.

Routes with `first` go before all others. Then the longest matching hostname without a wildcard
decides, then the longest wildcard, then routes for all hosts; within a hostname the exact path,
then the longest prefix; then a scheme, a method, most headers, most query parameters, the order in
the file. A regular expression ranks as a prefix as long as its literal beginning (in whole
segments), before the prefix of that length. Hostnames and exact paths are look-ups, prefixes a walk
over the path's segments, and many rules of one path are looked up by the exact value of a header or
query parameter. So the cost does not grow with the number of routes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple

from policies.basics.regex import Matcher, Memory
from policies.basics.steps import STEP_RULES, Steps
from policies.http.redirect import Redirect
from policies.http.request import Request
from policies.routing.rules import Alternative, ByHost, Demand, Demands, HostRules


@dataclass(frozen=True, slots=True)
class Condition:
    """A header or query parameter that must have `value`, or match `pattern`."""

    name: str
    value: str | None
    pattern: Matcher | None

    def holds(self, found: str | None) -> bool:
        if found is None:
            return False
        return found == self.value if self.pattern is None else self.pattern.matches(found)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alternative of a route, without its path and scheme. `route`: the route's position;
    `taken`: the length of the path's prefix. With a `redirect` it takes only requests that the
    redirect moves."""

    route: int
    methods: frozenset[str] | None
    headers: tuple[Condition, ...]
    params: tuple[Condition, ...]
    text: str
    taken: int
    redirect: Redirect | None

    def holds(self, request: Request) -> bool:
        """Return whether all conditions except the method hold."""
        redirect = self.redirect
        if redirect and not redirect.takes(request.method, request.target, self.taken):
            return False
        given = request.headers
        if self.headers and not all(
            condition.holds(given.get(condition.name)) for condition in self.headers
        ):
            return False
        return not self.params or all(
            condition.holds(request.params.get(condition.name)) for condition in self.params
        )


HOSTS_REMEMBERED = 2_000  # bounded, since clients choose them
MAX_TRIED = 8  # rules of one path; more are looked up by their conditions
Ranked = list[tuple[int, Rule]]
Index = dict[str, dict[str, Ranked]]  # by name, then value: the rules that demand it


@dataclass(frozen=True, slots=True)
class Miss:
    """No rule took the request. `methods`: the methods with which one would have."""

    methods: frozenset[str]


class Sieve:
    """Rules in order of precedence. If they are many, only those are tried whose rarest exact
    condition the request meets, and those without one."""

    __slots__ = ("_headers", "_params", "_rules")

    def __init__(self, rules: list[Rule]) -> None:
        self._headers: Index = {}
        self._params: Index = {}
        self._rules: Ranked = list(enumerate(rules))
        if len(rules) > MAX_TRIED:
            self._index()

    def _index(self) -> None:
        ranked, self._rules = self._rules, []
        counts = Counter(exact for _, rule in ranked for exact in _exact(rule))
        for rank, rule in ranked:
            rarest = min(_exact(rule), key=counts.__getitem__, default=None)
            if rarest is None:
                self._rules.append((rank, rule))
            else:
                in_query, name, value = rarest
                index = self._params if in_query else self._headers
                index.setdefault(name, {}).setdefault(value, []).append((rank, rule))

    def find(self, request: Request) -> Rule | None:
        ranked: Iterable[tuple[int, Rule]] = self._rules
        if self._headers or self._params:
            found = _filed(self._headers, request.headers)
            found += _filed(self._params, request.params) if self._params else []
            ranked = merge(self._rules, *found)
        for _, rule in ranked:
            if rule.holds(request):
                return rule
        return None


def _exact(rule: Rule) -> list[tuple[bool, str, str]]:
    """Yield the exact values that a rule demands: whether of the query, the name, the value."""
    sides = ((False, rule.headers), (True, rule.params))
    return [(q, c.name, c.value) for q, side in sides for c in side if c.value is not None]


def _filed(index: Index, given: Mapping[str, str]) -> list[Ranked]:
    """Yield the rules that are indexed under values of the request."""
    names = index if len(index) <= len(given) else given
    found = [index[name].get(given[name]) for name in names if name in index and name in given]
    return [ranked for ranked in found if ranked]


class Cell:
    """The rules of one path by method: those with methods first, and before them those with the
    request's scheme."""

    __slots__ = ("_any", "_by_method", "_by_scheme", "may_keep", "redirects")

    def __init__(
        self,
        rules: list[Rule],
        by_scheme: dict[str, AnyCell] | None = None,
        kept: frozenset[int] = frozenset(),
    ) -> None:
        self._by_scheme = by_scheme
        others: Collection[AnyCell] = by_scheme.values() if by_scheme else ()
        self.redirects: bool
        self.may_keep = any(rule.route in kept for rule in rules) if kept else False
        self.may_keep = self.may_keep or any(cell.may_keep for cell in others)
        self.redirects = any(rule.redirect for rule in rules) or any(c.redirects for c in others)
        by_method: dict[str, list[Rule]] = {}
        for rule in rules:
            for method in rule.methods or ():
                by_method.setdefault(method, []).append(rule)
        self._any = Sieve([rule for rule in rules if rule.methods is None])
        self._by_method = {method: Sieve(named) for method, named in by_method.items()}

    def find(self, request: Request) -> Rule | None:
        if self._by_scheme:
            of_scheme = self._by_scheme.get(request.target.scheme)
            found = of_scheme and of_scheme.find(request)
            if found:
                return found
        sieve = self._by_method.get(request.method)
        return (sieve and sieve.find(request)) or self._any.find(request)

    def methods(self, request: Request) -> set[str]:
        """Return the methods with which a rule would take the request."""
        found = {method for method, sieve in self._by_method.items() if sieve.find(request)}
        of_scheme = self._by_scheme and self._by_scheme.get(request.target.scheme)
        return found | of_scheme.methods(request) if of_scheme else found


class Single:
    """The cell of a path that has one rule, as most have: smaller and faster."""

    __slots__ = ("_methods", "_rule", "_takes_all", "may_keep", "redirects")

    def __init__(self, rule: Rule, kept: frozenset[int] = frozenset()) -> None:
        self._rule = rule
        self._methods = rule.methods
        self._takes_all = not (rule.headers or rule.params or rule.redirect)
        self.may_keep = rule.route in kept
        self.redirects = rule.redirect is not None

    def find(self, request: Request) -> Rule | None:
        methods, rule = self._methods, self._rule
        if methods is not None and request.method not in methods:
            return None
        return rule if self._takes_all or rule.holds(request) else None

    def methods(self, request: Request) -> set[str]:
        return {*self._methods} if self._methods and self._rule.holds(request) else set()


AnyCell = Cell | Single


@dataclass(slots=True)
class Node:
    """A segment of a prefix: the cell that ends here, and the segments that may follow."""

    children: dict[str, Node] = field(default_factory=dict)
    prefix: AnyCell | None = None
    regexes: list[tuple[Matcher, AnyCell]] = field(default_factory=list)


@dataclass(slots=True)
class _RuleBuilder:
    """What all rules of a policy are built with: the memory of their patterns, the redirects by
    route, the routes with a cache. It collects the headers that rules look at."""

    memory: Memory
    redirects: dict[int, Redirect]
    kept: frozenset[int]
    work: int = 0  # since the last step: rules and their conditions
    headers: set[str] = field(default_factory=set)
    reads_query: bool = False

    def after(self, rule: Alternative) -> Steps[None]:
        """Yield a step when enough rules have been built."""
        self.work += 1 + len(rule.headers) + len(rule.params)
        if self.work >= 2 * STEP_RULES:
            self.work = 0
            yield 1


class HostTable:
    """The rules of one hostname."""

    __slots__ = ("_above", "_exact", "_root")

    def __init__(self) -> None:
        self._exact: dict[str, AnyCell] = {}
        self._above: set[str] = set()  # exact paths and their prefixes
        self._root = Node()

    def build(self, rules: HostRules, builder: _RuleBuilder) -> Steps[None]:
        """Add the rules, in steps."""
        for path, found in rules.exact.items():
            self._exact[path] = yield from _cell(found, builder)
            self._above |= _prefixes(path)
        for prefix, found in rules.prefix.items():
            self._node(prefix).prefix = yield from _cell(found, builder)
        for expression in rules.regex:
            cell = yield from _cell((expression.rule,), builder)
            self._node(expression.under).regexes.append(
                (Matcher(expression.program, builder.memory), cell)
            )

    def _node(self, prefix: str) -> Node:
        node = self._root
        for segment in prefix.split("/")[1:]:
            node = node.children.setdefault(segment, Node())
        return node

    def find(self, request: Request) -> Rule | None:
        """Return the first rule of `cells` that takes the request."""
        path = request.target.path
        exact = self._exact.get(path)
        rule = exact and exact.find(request)
        if rule:
            return rule
        for node in self._walk(path):
            for matcher, cell in node.regexes:
                rule = cell.find(request) if matcher.matches(path) else None
                if rule:
                    return rule
            prefix = node.prefix
            rule = prefix and prefix.find(request)
            if rule:
                return rule
        return None

    def cells(self, path: str) -> Iterator[AnyCell]:
        """Yield the cells whose path matches, in order of precedence."""
        exact = self._exact.get(path)
        if exact:
            yield exact
        for node in self._walk(path):
            for matcher, cell in node.regexes:
                if matcher.matches(path):
                    yield cell
            if node.prefix:
                yield node.prefix

    def scope(self, path: str) -> str | None:
        """Return the shortest prefix of `path` below which all paths meet the same rules; None if
        only `path` itself is certain to."""
        prefix, node, passed = "", self._root, [self._root]
        for segment in path.split("/")[1:]:
            if not node.children:
                break
            following = node.children.get(segment)
            prefix = f"{prefix}/{segment}"
            if following is None:
                if not segment:
                    return None
                break
            node = following
            passed.append(node)
        else:
            if node.children:
                return None
        if prefix in self._above:
            return None
        patterns = [
            matcher.beginning for passed_node in passed for matcher, _ in passed_node.regexes
        ]
        return None if any(_may_begin(prefix, pattern) for pattern in patterns) else prefix

    def _walk(self, path: str) -> list[Node]:
        """Return the nodes along the path, the deepest first."""
        node = self._root
        passed = [node]
        if node.children:
            for segment in path.split("/")[1:]:
                following = node.children.get(segment)
                if following is None:
                    break
                node = following
                passed.append(node)
            passed.reverse()
        return passed


class Hosts:
    """The rules of all hostnames."""

    __slots__ = ("_all", "_exact", "_known", "_wildcards")

    @classmethod
    def in_steps(cls, hosts: ByHost, builder: _RuleBuilder) -> Steps[Hosts]:
        tables = {host: HostTable() for host in hosts}
        for host, table in hosts.items():
            yield from tables[host].build(table, builder)
        return cls(tables)

    def __init__(self, tables: dict[str, HostTable]) -> None:
        self._all = tables.pop("", None)
        self._wildcards = {host[2:]: t for host, t in tables.items() if host.startswith("*.")}
        self._exact = {host: t for host, t in tables.items() if not host.startswith("*.")}
        self._known: dict[str, list[HostTable]] = {}  # by the hosts of requests

    def may_keep(self, host: str, path: str) -> bool:
        """Return whether a route with a cache may take requests for that path."""
        cells = (cell for table in self.tables(host) for cell in table.cells(path))
        return any(cell.may_keep for cell in cells)

    def redirects(self, host: str, path: str) -> bool:
        """Return whether a rule for that path depends on where its redirect leads."""
        cells = (cell for table in self.tables(host) for cell in table.cells(path))
        return any(cell.redirects for cell in cells)

    def tables(self, host: str) -> list[HostTable]:
        """Return the tables for a host, in order of precedence."""
        found = self._known.get(host)
        if found is None:
            if len(self._known) >= HOSTS_REMEMBERED:
                self._known.clear()
            found = self._known[host] = self._look_up(host)
        return found

    def _look_up(self, host: str) -> list[HostTable]:
        exact, wildcards = self._exact.get(host), self._wildcards
        found = [exact] if exact else []
        rest = host if wildcards else ""
        while rest:
            rest = rest.partition(".")[2]
            if rest in wildcards:
                found.append(wildcards[rest])
        if self._all:
            found.append(self._all)
        return found

    def methods(self, request: Request) -> set[str]:
        """Return the methods with which a rule would take the request."""
        cells = (
            cell
            for table in self.tables(request.target.host)
            for cell in table.cells(request.target.path)
        )
        return {method for cell in cells for method in cell.methods(request)}


class Scope(NamedTuple):
    """A path or, with `is_prefix`, all paths that it is a prefix of in whole segments."""

    path: str
    is_prefix: bool


class Routes:
    """All rules: those of routes with `first`, then the others."""

    __slots__ = ("_groups", "_has_redirects", "header_names", "reads_query")

    @classmethod
    def in_steps(
        cls,
        first: ByHost,
        others: ByHost,
        redirects: dict[int, Redirect],
        kept: frozenset[int] = frozenset(),
    ) -> Steps[Routes]:
        """Build the rules of compiled tables, in steps."""
        builder, groups = _RuleBuilder(Memory(), redirects, kept), list[Hosts]()
        for group in (first, others):
            if group:
                groups.append((yield from Hosts.in_steps(group, builder)))
        return cls(
            tuple(groups),
            frozenset(builder.headers),
            reads_query=builder.reads_query,
            has_redirects=bool(redirects),
        )

    def __init__(
        self,
        groups: tuple[Hosts, ...],
        header_names: frozenset[str] = frozenset(),
        *,
        reads_query: bool = False,
        has_redirects: bool = False,
    ) -> None:
        self._has_redirects = has_redirects
        self._groups = groups
        self.header_names = header_names
        self.reads_query = reads_query

    def find(self, request: Request) -> Rule | Miss:
        for hosts in self._groups:
            for table in hosts.tables(request.target.host):
                rule = table.find(request)
                if rule:
                    return rule
        return Miss(frozenset().union(*(hosts.methods(request) for hosts in self._groups)))

    def may_keep(self, host: str, path: str) -> bool:
        """Return whether a route with a cache may take requests for that path."""
        return any(hosts.may_keep(host, path) for hosts in self._groups)

    def scope(self, host: str, path: str) -> Scope | None:
        """Return which other paths of `host` meet the same rules as `path`; None if rules depend on
        the whole URL."""
        if self._has_redirects and any(hosts.redirects(host, path) for hosts in self._groups):
            return None
        longest = ""
        for hosts in self._groups:
            for table in hosts.tables(host):
                prefix = table.scope(path)
                if prefix is None:
                    return Scope(path, is_prefix=False)
                longest = max(longest, prefix, key=len)
        return Scope(longest, is_prefix=True)


def _cell(rules: tuple[Alternative, ...], builder: _RuleBuilder) -> Steps[AnyCell]:
    """Build the cell of one path from its rules, in order of precedence."""
    if len(rules) == 1 and rules[0].scheme is None:
        yield from builder.after(rules[0])
        return Single(_rule(rules[0], builder), builder.kept)
    by_scheme: dict[str | None, list[Rule]] = {}
    for rule in rules:
        by_scheme.setdefault(rule.scheme, []).append(_rule(rule, builder))
        yield from builder.after(rule)
    others = by_scheme.pop(None, [])
    own: dict[str, AnyCell] = {
        str(scheme): Cell(alternatives, None, builder.kept)
        for scheme, alternatives in by_scheme.items()
    }
    return Cell(others, own or None, builder.kept)


def _may_begin(prefix: str, beginning: str) -> bool:
    """Return whether a path under `prefix`, in whole segments, may have that beginning."""
    under = f"{prefix}/"
    return under.startswith(beginning) or beginning.startswith(under)


def _prefixes(path: str) -> set[str]:
    """Return `path` and its prefixes, in whole segments."""
    ends = [at for at, character in enumerate(path) if character == "/"]
    return {path, *(path[:end] for end in ends)}


def _rule(rule: Alternative, builder: _RuleBuilder) -> Rule:
    builder.headers.update([condition.name for condition in rule.headers])
    builder.reads_query = builder.reads_query or bool(rule.params)
    return Rule(
        rule.route,
        rule.methods,
        _conditions(rule.headers, builder.memory),
        _conditions(rule.params, builder.memory),
        rule.text,
        rule.taken,
        builder.redirects.get(rule.route),
    )


def _conditions(demands: Demands, memory: Memory) -> tuple[Condition, ...]:
    return tuple([_condition(demand, memory) for demand in demands]) if demands else ()


def _condition(demand: Demand, memory: Memory) -> Condition:
    pattern = None if demand.program is None else Matcher(demand.program, memory)
    return Condition(demand.name, demand.value, pattern)
