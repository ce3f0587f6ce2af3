"""Generates requests that a route matches.

They combine the hostnames, paths, methods and conditions of each alternative: the path itself
and one below a prefix, or an example of a regular expression. All combinations if they are few,
else enough for each value to occur; at most 24 for a route, unless it has more alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple
from urllib.parse import quote

from policies.basics.regex_compiler import compile_pattern
from policies.difference.intersection import example_of
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.policy import Match, PathMatch, Policy, Route

MAX_SHAPES = 24
ANY_HOST = "any-host.example"  # stands for hosts that no route names
BELOW = "sample"  # a label below a wildcard, a segment below a prefix
METHODS = ("GET", "POST")
SCHEMES = ("http", "https")


class Shape(NamedTuple):
    """A request without a client; `headers` are pairs of name and value."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]


def schemes_of(*policies: Policy) -> Sequence[str]:
    """Return the schemes of requests: both, if one of the policies has a condition on them."""
    matches = (match for policy in policies for route in policy.routes for match in route.matches)
    return SCHEMES if any(match.scheme for match in matches) else SCHEMES[1:]


def shapes_of(route: Route, schemes: Sequence[str] = SCHEMES[1:]) -> list[Shape]:
    """Return the shapes of a route. `schemes`: for alternatives without a scheme."""
    matches = route.matches or [Match()]
    share = max(1, MAX_SHAPES // len(matches))
    shapes = [shape for match in matches for shape in _shapes(route, match, schemes, share)]
    return list(dict.fromkeys(shapes))


def _shapes(route: Route, match: Match, schemes: Sequence[str], most: int) -> Iterator[Shape]:
    hosts = [host.replace("*", BELOW) for host in route.hostnames] or [ANY_HOST]
    # A redirect to HTTPS takes only HTTP requests.
    redirects = route.filters is not None and route.filters.redirect is not None
    schemes = [match.scheme] if match.scheme else SCHEMES if redirects else schemes
    headers = tuple((condition.name.lower(), _value(condition)) for condition in match.headers)
    query = "&".join(
        f"{quote(condition.name, safe='')}={quote(_value(condition), safe='')}"
        for condition in match.query_params
    )
    for scheme, host, path, method in _combined(
        [schemes, hosts, _paths(match.path), match.methods or METHODS], most
    ):
        mark = f"?{query}" if query else ""
        yield Shape(method, f"{scheme}://{host}{path}{mark}", headers)


def _combined(choices: Sequence[Sequence[str]], most: int) -> list[tuple[str, ...]]:
    number = 1
    for options in choices:
        number *= len(options)
    if number <= most:
        return list(product(*choices))
    longest = max(map(len, choices))
    return [
        tuple(options[at % len(options)] for options in choices) for at in range(min(longest, most))
    ]


def _paths(path: PathMatch | None) -> list[str]:
    if path and path.exact is not None:
        return [path.exact]
    if path and path.regex is not None:
        return [example_of(compile_pattern(path.regex), "/") or "/"]
    prefix = ((path and path.prefix) or "/").removesuffix("/")
    return [prefix or "/", f"{prefix}/{BELOW}"]


def _value(condition: HeaderMatch | QueryParamMatch) -> str:
    if condition.regex is None:
        return condition.value or ""
    return example_of(compile_pattern(condition.regex)) or ""
