"""Which route takes a request, by the Gateway API's precedence.

The longest matching non-wildcard hostname goes first, then the longest wildcard, then
routes for all hosts; within a hostname the exact path, then the longest prefix; then a
method, most headers, most query parameters, the order in the file. A regular expression
ranks as a prefix as long as its literal beginning (in whole segments), before the prefix
of that length. Hostnames and exact paths are look-ups, prefixes a walk over the path's
segments, so the cost does not grow with the number of routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from policies.decisions.regex import Matcher, Program
from policies.decisions.request import Request


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
    """One alternative of one route, without its path; `route` is a position."""

    route: int
    methods: frozenset[str] | None
    headers: tuple[Condition, ...]
    params: tuple[Condition, ...]
    text: str

    def holds(self, request: Request) -> bool:
        """Whether all but the method matches."""
        if not (self.headers or self.params):
            return True
        return all(each.holds(request.headers.get(each.name)) for each in self.headers) and all(
            each.holds(request.params.get(each.name)) for each in self.params
        )


@dataclass(frozen=True, slots=True)
class Miss:
    """No rule took the request; `methods`: those that would have been taken."""

    methods: frozenset[str]


class Cell:
    """The rules of one path, in order of precedence, by method."""

    __slots__ = ("_any", "_by_method", "rules")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        named = {method for rule in rules for method in rule.methods or ()}
        self._any = tuple(rule for rule in rules if rule.methods is None)
        self._by_method = {
            method: tuple(r for r in rules if r.methods is None or method in r.methods)
            for method in named
        }

    def find(self, request: Request) -> Rule | None:
        for rule in self._by_method.get(request.method, self._any):
            if rule.holds(request):
                return rule
        return None


@dataclass(slots=True)
class Node:
    """A segment of a prefix: what ends here, and the segments that may follow."""

    children: dict[str, Node] = field(default_factory=dict)
    prefix: Cell | None = None
    regexes: list[tuple[Matcher, Cell]] = field(default_factory=list)


class HostTable:
    """The rules of one hostname."""

    __slots__ = ("_exact", "_root")

    def __init__(self, table: dict[str, Any]) -> None:
        self._exact = {path: _cell(rules) for path, rules in table["exact"].items()}
        self._root = Node()
        for prefix, rules in table["prefix"].items():
            self._node(prefix).prefix = _cell(rules)
        for under, _, program, rule in table["regex"]:
            matcher = Matcher(Program.from_json(program))
            self._node(under).regexes.append((matcher, _cell([rule])))

    def _node(self, prefix: str) -> Node:
        node = self._root
        for segment in prefix.split("/")[1:]:
            node = node.children.setdefault(segment, Node())
        return node

    def find(self, request: Request) -> Rule | None:
        cell = self._exact.get(request.target.path)
        rule = cell.find(request) if cell else None
        if rule:
            return rule
        for node in self._walk(request.target.path):
            rule = self._find_at(node, request)
            if rule:
                return rule
        return None

    def _walk(self, path: str) -> list[Node]:
        """The nodes that the path passes, the deepest first."""
        node: Node | None = self._root
        passed = [self._root]
        if self._root.children:
            for segment in path.split("/")[1:]:
                node = passed[-1].children.get(segment)
                if node is None:
                    break
                passed.append(node)
            passed.reverse()
        return passed

    @staticmethod
    def _find_at(node: Node, request: Request) -> Rule | None:
        for matcher, cell in node.regexes:
            if matcher.matches(request.target.path):
                rule = cell.find(request)
                if rule:
                    return rule
        return node.prefix.find(request) if node.prefix else None

    def rules_for(self, request: Request) -> Iterator[Rule]:
        """Every rule whose path matches, whatever its method."""
        path = request.target.path
        if path in self._exact:
            yield from self._exact[path].rules
        for node in self._walk(path):
            for matcher, cell in node.regexes:
                if matcher.matches(path):
                    yield from cell.rules
            if node.prefix:
                yield from node.prefix.rules


class Routes:
    """All rules by hostname."""

    __slots__ = ("_all", "_exact", "_wildcards")

    def __init__(self, hosts: dict[str, Any]) -> None:
        tables = {host: HostTable(table) for host, table in hosts.items()}
        self._all = tables.pop("", None)
        self._wildcards = {host[2:]: t for host, t in tables.items() if host.startswith("*.")}
        self._exact = {host: t for host, t in tables.items() if not host.startswith("*.")}

    def find(self, request: Request) -> Rule | Miss:
        for table in self._tables(request.target.host):
            rule = table.find(request)
            if rule:
                return rule
        return Miss(self._methods(request))

    def _tables(self, host: str) -> Iterator[HostTable]:
        exact = self._exact.get(host)
        if exact:
            yield exact
        if self._wildcards:
            rest = host
            while rest:
                rest = rest.partition(".")[2]
                wildcard = self._wildcards.get(rest)
                if wildcard:
                    yield wildcard
        if self._all:
            yield self._all

    def _methods(self, request: Request) -> frozenset[str]:
        methods: set[str] = set()
        for table in self._tables(request.target.host):
            for rule in table.rules_for(request):
                if rule.methods and rule.holds(request):
                    methods |= rule.methods
        return frozenset(methods)


def _cell(rules: list[list[Any]]) -> Cell:
    return Cell(tuple(_rule(rule) for rule in rules))


def _rule(rule: list[Any]) -> Rule:
    position, methods, headers, params, text = rule
    return Rule(
        position,
        frozenset(methods) if methods else None,
        tuple(_condition(each) for each in headers),
        tuple(_condition(each) for each in params),
        text,
    )


def _condition(condition: list[Any]) -> Condition:
    name, value, program = condition
    return Condition(name, value, Matcher(Program.from_json(program)) if program else None)
