"""Routes that no request reaches, because earlier ones match the very same requests.

Only what is literally the same is found: hostname, path, methods and conditions. That is
what copying a route and forgetting to change it gives; to compare what regular expressions
and overlapping prefixes match is not tried.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from policies.language.findings import shown
from policies.language.found import Found, Key
from policies.language.model import Match, PathMatch, Policy, Route


def shadowed_routes(policy: Policy) -> Iterator[Found]:
    """A finding for each route all of whose alternatives an earlier route has."""
    first: dict[Hashable, int] = {}
    for index, route in enumerate(policy.routes):
        matches = [_what(match) for match in route.matches or [Match()]]
        hosts = dict.fromkeys(route.hostnames or [""])
        keys = [(host, what) for host in hosts for what in matches]
        owners = {first.get(key, index) for key in keys}
        if _takes_all(route):
            first.update((key, index) for key in keys if key not in first)
        if index not in owners:
            others = ", ".join(
                f"`{shown(policy.routes[each].name)}`" for each in sorted(owners)[:5]
            )
            message = f"no request comes to this route: earlier ones match the same ({others})"
            hint = "change what it matches, or take it out"
            yield "duplicate-route", ("routes", index, Key("name")), message, hint


def _takes_all(route: Route) -> bool:
    """Whether it takes all that it matches: a redirect passes over what is there already."""
    return route.filters is None or route.filters.redirect is None


def _what(match: Match) -> Hashable:
    methods = frozenset(match.methods or ())
    headers = frozenset((each.name.lower(), each.value, each.regex) for each in match.headers)
    params = frozenset((each.name, each.value, each.regex) for each in match.query_params)
    return _path(match.path), methods, headers, params


def _path(path: PathMatch | None) -> Hashable:
    if path is None or path.prefix is not None:
        return "prefix", ((path and path.prefix) or "/").removesuffix("/")
    return "exact" if path.regex is None else "regex", path.exact, path.regex
