"""Which route takes a request, by the Gateway API's precedence.

Routes that say `first` go before all others. Then the longest matching non-wildcard
hostname goes first, then the longest wildcard, then routes for all hosts; within a hostname
the exact path, then the longest prefix; then a scheme, a method, most headers, most query
parameters, the order in the file. A regular expression ranks as a prefix as long as its
literal beginning (in whole segments), before the prefix of that length. Hostnames and exact
paths are look-ups, prefixes a walk over the path's segments, many rules of one path are
looked up by the exact value of a header or query parameter, so the cost does not grow with
the number of routes.
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
    """One alternative of one route, without its path and its scheme; `route` is a position,
    `taken` the length of the path's prefix. With a `redirect` it takes only what that answers."""

    route: int
    methods: frozenset[str] | None
    headers: tuple[Condition, ...]
    params: tuple[Condition, ...]
    text: str
    taken: int
    redirect: Redirect | None

    def holds(self, request: Request) -> bool:
        """Whether all but the method matches."""
        redirect = self.redirect
        if redirect and not redirect.takes(request.method, request.target, self.taken):
            return False
        given = request.headers
        if self.headers and not all(each.holds(given.get(each.name)) for each in self.headers):
            return False
        return not self.params or all(
            each.holds(request.params.get(each.name)) for each in self.params
        )


HOSTS_REMEMBERED = 2_000  # clients choose them
MAX_TRIED = 8  # rules of one path; more of them are looked up by their conditions
Ranked = list[tuple[int, Rule]]
Index = dict[str, dict[str, Ranked]]  # name, value, rules that demand it


@dataclass(frozen=True, slots=True)
class Miss:
    """No rule took the request; `methods`: those that would have been taken."""

    methods: frozenset[str]


class Sieve:
    """Rules in order of precedence. Of many, only those are tried whose rarest exact
    condition the request meets, and those that have none."""

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
    """The values it demands: whether of the query, the name, the value."""
    sides = ((False, rule.headers), (True, rule.params))
    return [(q, c.name, c.value) for q, side in sides for c in side if c.value is not None]


def _filed(index: Index, given: Mapping[str, str]) -> list[Ranked]:
    """The rules filed under what the request has."""
    names = index if len(index) <= len(given) else given
    found = [index[name].get(given[name]) for name in names if name in index and name in given]
    return [ranked for ranked in found if ranked]


class Cell:
    """The rules of one path by method, those with methods first; before them those of one
    scheme, by scheme."""

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
        """The methods with which a rule would take the request."""
        found = {method for method, sieve in self._by_method.items() if sieve.find(request)}
        of_scheme = self._by_scheme and self._by_scheme.get(request.target.scheme)
        return found | of_scheme.methods(request) if of_scheme else found


class Single:
    """The same of a path that has one rule, as most have: less to keep, and to look at."""

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
    """A segment of a prefix: what ends here, and the segments that may follow."""

    children: dict[str, Node] = field(default_factory=dict)
    prefix: AnyCell | None = None
    regexes: list[tuple[Matcher, AnyCell]] = field(default_factory=list)


@dataclass(slots=True)
class _Making:
    """What rules are made with: the memory of their patterns, redirects by route, the routes
    whose answers are kept; and what they look at."""

    memory: Memory
    redirects: dict[int, Redirect]
    kept: frozenset[int]
    work: int = 0  # since the last step: rules and their conditions
    headers: set[str] = field(default_factory=set)
    reads_query: bool = False

    def after(self, rule: Alternative) -> Steps[None]:
        """A step when enough has been made."""
        self.work += 1 + len(rule.headers) + len(rule.params)
        if self.work >= 2 * STEP_RULES:
            self.work = 0
            yield 1


class HostTable:
    """The rules of one hostname."""

    __slots__ = ("_above", "_exact", "_root")

    def __init__(self) -> None:
        self._exact: dict[str, AnyCell] = {}
        self._above: set[str] = set()  # exact paths, and the prefixes that they are under
        self._root = Node()

    def build(self, rules: HostRules, made: _Making) -> Steps[None]:
        """Take the rules in, in steps."""
        for path, found in rules.exact.items():
            self._exact[path] = yield from _cell(found, made)
            self._above |= _prefixes(path)
        for prefix, found in rules.prefix.items():
            self._node(prefix).prefix = yield from _cell(found, made)
        for each in rules.regex:
            cell = yield from _cell((each.rule,), made)
            self._node(each.under).regexes.append((Matcher(each.program, made.memory), cell))

    def _node(self, prefix: str) -> Node:
        node = self._root
        for segment in prefix.split("/")[1:]:
            node = node.children.setdefault(segment, Node())
        return node

    def find(self, request: Request) -> Rule | None:
        """The first rule of `cells` that takes the request."""
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
        """The rules whose path matches, in order of precedence."""
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
        """The shortest prefix of `path` all of whose paths meet the same rules; None if only
        `path` itself is sure to."""
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
        patterns = [matcher.beginning for each in passed for matcher, _ in each.regexes]
        return None if any(_may_begin(prefix, each) for each in patterns) else prefix

    def _walk(self, path: str) -> list[Node]:
        """The nodes that the path passes, the deepest first."""
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
    """Rules by hostname."""

    __slots__ = ("_all", "_exact", "_known", "_wildcards")

    @classmethod
    def in_steps(cls, hosts: ByHost, made: _Making) -> Steps[Hosts]:
        tables = {host: HostTable() for host in hosts}
        for host, table in hosts.items():
            yield from tables[host].build(table, made)
        return cls(tables)

    def __init__(self, tables: dict[str, HostTable]) -> None:
        self._all = tables.pop("", None)
        self._wildcards = {host[2:]: t for host, t in tables.items() if host.startswith("*.")}
        self._exact = {host: t for host, t in tables.items() if not host.startswith("*.")}
        self._known: dict[str, list[HostTable]] = {}  # by hosts that clients had

    def may_keep(self, host: str, path: str) -> bool:
        """Whether a route that keeps answers may take a request for that path."""
        cells = (cell for table in self.tables(host) for cell in table.cells(path))
        return any(cell.may_keep for cell in cells)

    def redirects(self, host: str, path: str) -> bool:
        """Whether a rule for that path looks at where the URL leads."""
        cells = (cell for table in self.tables(host) for cell in table.cells(path))
        return any(cell.redirects for cell in cells)

    def tables(self, host: str) -> list[HostTable]:
        """Those for a host, in order of precedence."""
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
        """The methods with which a rule would take the request."""
        cells = (
            cell
            for table in self.tables(request.target.host)
            for cell in table.cells(request.target.path)
        )
        return {method for cell in cells for method in cell.methods(request)}


class Scope(NamedTuple):
    """A path, or (`is_prefix`) all paths that it is a prefix of in whole segments."""

    path: str
    is_prefix: bool


class Routes:
    """All rules: those of routes that are `first`, then the others."""

    __slots__ = ("_groups", "_has_redirects", "header_names", "reads_query")

    @classmethod
    def in_steps(
        cls,
        first: ByHost,
        others: ByHost,
        redirects: dict[int, Redirect],
        kept: frozenset[int] = frozenset(),
    ) -> Steps[Routes]:
        """The rules of compiled tables."""
        made, groups = _Making(Memory(), redirects, kept), list[Hosts]()
        for group in (first, others):
            if group:
                groups.append((yield from Hosts.in_steps(group, made)))
        return cls(
            tuple(groups),
            frozenset(made.headers),
            reads_query=made.reads_query,
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
        """Whether a route that keeps answers may take a request for that path."""
        return any(hosts.may_keep(host, path) for hosts in self._groups)

    def scope(self, host: str, path: str) -> Scope | None:
        """Which other paths of `host` meet the same rules as `path`; None if rules look at
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


def _cell(rules: tuple[Alternative, ...], made: _Making) -> Steps[AnyCell]:
    """From rules in order of precedence."""
    if len(rules) == 1 and rules[0].scheme is None:
        yield from made.after(rules[0])
        return Single(_rule(rules[0], made), made.kept)
    by_scheme: dict[str | None, list[Rule]] = {}
    for rule in rules:
        by_scheme.setdefault(rule.scheme, []).append(_rule(rule, made))
        yield from made.after(rule)
    others = by_scheme.pop(None, [])
    own: dict[str, AnyCell] = {
        str(scheme): Cell(each, None, made.kept) for scheme, each in by_scheme.items()
    }
    return Cell(others, own or None, made.kept)


def _may_begin(prefix: str, beginning: str) -> bool:
    """Whether a path under `prefix`, in whole segments, may have that beginning."""
    under = f"{prefix}/"
    return under.startswith(beginning) or beginning.startswith(under)


def _prefixes(path: str) -> set[str]:
    """`path`, and all that it is under, in whole segments."""
    ends = [at for at, character in enumerate(path) if character == "/"]
    return {path, *(path[:end] for end in ends)}


def _rule(rule: Alternative, made: _Making) -> Rule:
    made.headers.update([each.name for each in rule.headers])
    made.reads_query = made.reads_query or bool(rule.params)
    return Rule(
        rule.route,
        rule.methods,
        _conditions(rule.headers, made.memory),
        _conditions(rule.params, made.memory),
        rule.text,
        rule.taken,
        made.redirects.get(rule.route),
    )


def _conditions(demands: Demands, memory: Memory) -> tuple[Condition, ...]:
    return tuple([_condition(each, memory) for each in demands]) if demands else ()


def _condition(demand: Demand, memory: Memory) -> Condition:
    pattern = None if demand.program is None else Matcher(demand.program, memory)
    return Condition(demand.name, demand.value, pattern)
