"""Compiles the matches of routes to rules by hostname and path, in order of precedence."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.basics.regex import literal_prefix
from policies.basics.regex_compiler import compile_pattern
from policies.basics.steps import STEP_RULES, Steps, pause_after
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.policy import Match, Policy
from policies.routing.rules import Alternative, ByHost, Demand, HostRules, PatternAlternative

Alternatives = dict[str, list[Alternative]]  # by path


@dataclass(slots=True)
class _Collected:
    """The rules of one hostname, not yet sorted."""

    exact: Alternatives = field(default_factory=dict)
    prefix: Alternatives = field(default_factory=dict)
    regex: list[PatternAlternative] = field(default_factory=list)

    def add(self, match: Match, rule: Alternative) -> None:
        path = match.path
        if path is None or path.prefix is not None:
            prefix = (path and path.prefix) or "/"
            self.prefix.setdefault(prefix.removesuffix("/"), []).append(rule)
        elif path.exact is not None:
            self.exact.setdefault(path.exact, []).append(rule)
        elif path.regex is not None:
            program = compile_pattern(path.regex)
            under = literal_prefix(program).rpartition("/")[0]
            self.regex.append(PatternAlternative(under=under, program=program, rule=rule))

    def in_order(self) -> Steps[HostRules]:
        """In order of precedence."""
        exact = yield from _sorted(self.exact)
        prefix = yield from _sorted(self.prefix)
        self.regex.sort(
            key=lambda expression: (-len(expression.program.pattern), _precedence(expression.rule))
        )
        return HostRules(exact, prefix, tuple(self.regex))


def host_rules(policy: Policy, first: bool) -> Steps[ByHost]:
    """Return the rules of each hostname, either of the routes with `first` or of the others."""
    hosts: dict[str, _Collected] = {}
    work = 0
    for position, route in enumerate(policy.routes):
        if route.first is not first:
            continue
        for match in route.matches or [Match()]:
            for host in dict.fromkeys(route.hostnames or [""]):
                hosts.setdefault(host, _Collected()).add(match, _rule(position, host, match, first))
                work += 1 + len(match.headers) + len(match.query_params)
                if work >= 2 * STEP_RULES:
                    work = 0
                    yield 1
    found: ByHost = {}
    for number, (host, collected) in enumerate(hosts.items()):
        found[host] = yield from collected.in_order()
        yield from pause_after(number, STEP_RULES)
    return found


def _sorted(rules: Alternatives) -> Steps[dict[str, tuple[Alternative, ...]]]:
    found = {}
    for number, (path, alternatives) in enumerate(rules.items()):
        found[path] = tuple(sorted(alternatives, key=_precedence))
        yield from pause_after(number, STEP_RULES)
    return found


def _rule(position: int, host: str, match: Match, first: bool) -> Alternative:
    prefix = match.path.prefix if match.path else None
    return Alternative(
        route=position,
        text=_text(host, match, first),
        taken=len(prefix.removesuffix("/")) if prefix else 0,
        methods=frozenset(match.methods) if match.methods else None,
        headers=tuple(_demand(header, header.name.lower()) for header in match.headers),
        params=tuple(_demand(param, param.name) for param in match.query_params),
        scheme=match.scheme,
    )


def _demand(match: HeaderMatch | QueryParamMatch, name: str) -> Demand:
    if match.regex is None:
        return Demand(name=name, value=match.value)
    return Demand(name=name, value=None, program=compile_pattern(match.regex))


def _precedence(rule: Alternative) -> tuple[bool, bool, int, int, int]:
    """Return the sort key after hostname and path: the scheme, then, as in the Gateway API,
    method, headers, query parameters and order in the file."""
    conditions = -len(rule.headers), -len(rule.params)
    return (rule.scheme is None, rule.methods is None, *conditions, rule.route)


def _text(host: str, match: Match, first: bool) -> str:
    parts = ["first"] if first else []
    parts.append(host or "any host")
    path = match.path
    if path is None:
        parts.append("any path")
    elif path.exact is not None:
        parts.append(f"path {path.exact}")
    elif path.prefix is not None:
        parts.append(f"path prefix {path.prefix}")
    else:
        parts.append(f"path regex {path.regex}")
    parts += [f"scheme {match.scheme}"] if match.scheme else []
    parts += [" or ".join(match.methods)] if match.methods else []
    parts += [f"header {condition.name}" for condition in match.headers]
    parts += [f"query parameter {condition.name}" for condition in match.query_params]
    return ", ".join(parts)
