"""Warnings about redirect loops, found by following redirects as a client would.

- For each alternative of a route, a request that it matches is generated and sent through the
  router's matcher. `respond` with a `location` counts as a redirect, too.
- Clients stop after MAX_HOPS (Fetch, "HTTP-redirect fetch"); a longer chain is a loop. There
  are no false findings: each has a URL that loops, and redirects to hosts that no route names
  are not followed, since they may be another site's.
- Bounded: a few requests per route, MAX_FOLLOWED in all. Not followed: conditions by regular
  expression, and paths by one unless the redirect replaces the whole path.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import NamedTuple
from urllib.parse import quote, urljoin

from policies.basics.steps import finished
from policies.http.redirect import Redirect, next_method
from policies.http.request import Client, Request
from policies.http.url import RequestTarget, parse_target
from policies.language.compile.filters import compiled_redirect
from policies.language.compile.rules import host_rules
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found, KeyOf
from policies.language.model.policy import Match, Policy, Route
from policies.routing.match import Miss, Routes

MAX_HOPS = 20
MAX_FOLLOWED = 10_000  # lookups in all: a tenth of a second
MAX_REQUESTS = 16  # per route
MAX_SHOWN = 3  # URLs of a loop in a message
ANY_HOST = "any-host.example"  # for hosts that no route names
BELOW = "x"  # a label below a wildcard, a segment below a prefix
MOVED = frozenset({301, 302, 303, 307, 308})


class _Start(NamedTuple):
    """A request to follow. `is_next`: it is the request after the route's redirect."""

    request: Request
    is_next: bool


def looping_redirects(policy: Policy) -> Iterator[Found]:
    """Yield a finding for each route whose redirects form a loop."""
    routes = policy.routes
    leading = [at for at, route in enumerate(routes) if _redirect(route) or _location(route)]
    if not leading:
        return
    follower = _Follower(policy)
    for at in leading:
        for start in islice(_starts(policy, routes[at]), MAX_REQUESTS):
            urls = follower.circle(at, start)
            if urls:
                yield _loop(at, routes[at], urls)
                break


def _loop(at: int, route: Route, urls: list[str]) -> Found:
    word = ("filters", KeyOf("redirect")) if _redirect(route) else (KeyOf("respond"),)
    path: Path = ("routes", at, *word)
    if urls[0] == urls[1]:
        message = f"the redirect leads to its own URL: {shown(urls[0])}"
        hint = "change `hostname` or `path`, or redirect a POST with `status: 303`"
        return "redirect-loop", path, message, hint
    way = " to ".join(shown(url) for url in urls[:MAX_SHOWN])
    message = f"clients are redirected in a loop: from {way}, and so on"
    hint = "match only the old path, such as `path: {exact: …}`, or add a route that serves "
    return "redirect-loop", path, message, f"{hint}the new one"


class _Follower:
    """Follows redirects through the routes of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._routes, self._merges = policy.routes, policy.merge_slashes
        self._redirects = {
            at: redirect for at, route in enumerate(policy.routes) if (redirect := _redirect(route))
        }
        first, others = (finished(host_rules(policy, is_first)) for is_first in (True, False))
        self._matcher = finished(Routes.in_steps(first, others, self._redirects))
        self._hosts = {host for route in policy.routes for host in route.hostnames}
        self._left = MAX_FOLLOWED

    def circle(self, at: int, start: _Start) -> list[str]:
        """Return the URLs that a client is sent through if they form a loop, else an empty list."""
        request, urls = start.request, [start.request.target.url]
        while len(urls) <= MAX_HOPS and self._left:
            self._left -= 1
            rule = self._matcher.find(request)
            if isinstance(rule, Miss) or request.target.is_own:
                return []
            if len(urls) == 1 and not start.is_next and rule.route != at:
                return []  # another route's request
            following = self._next(request, rule.route, rule.taken)
            if following is None:
                return []
            request = following
            urls.append(request.target.url)
        return urls if len(urls) > MAX_HOPS else []

    def _is_served(self, host: str) -> bool:
        """Return whether a route names the host."""
        parents = host.split(".")
        names = {"*." + ".".join(parents[at:]) for at in range(1, len(parents))}
        return not self._hosts.isdisjoint({host, *names})

    def _next(self, request: Request, at: int, taken: int) -> Request | None:
        redirect, respond = self._redirects.get(at), self._routes[at].respond
        if redirect:
            status, location = redirect.status, redirect.location(request.target, taken)
        elif respond and (there := _location(self._routes[at])):
            status, location = respond.status, urljoin(request.target.url, there)
        else:
            return None
        target = parse_target(location, self._merges) if location.startswith("http") else None
        if not isinstance(target, RequestTarget):
            return None
        if target.host != request.target.host and not self._is_served(target.host):
            return None  # possibly another site
        return Request(next_method(status, request.method), target, request.headers, Client())


def _redirect(route: Route) -> Redirect | None:
    """Return the redirect as the router performs it; None if the route has none."""
    stated = route.filters.redirect if route.filters else None
    return compiled_redirect(stated) if stated else None


def _location(route: Route) -> str:
    """Return the `location` of a fixed response with a redirect status, else ""."""
    if route.respond is None or route.respond.status not in MOVED:
        return ""
    return next((h.value for h in route.respond.headers if h.name.lower() == "location"), "")


def _starts(policy: Policy, route: Route) -> Iterator[_Start]:
    """Yield a few requests for each alternative, with http and with https."""
    redirect = _redirect(route)
    hosts = [host.replace("*", BELOW) for host in route.hostnames] or [ANY_HOST]
    for match in route.matches or [Match()]:
        if any(condition.regex is not None for condition in match.headers):
            continue
        if any(condition.regex is not None for condition in match.query_params):
            continue
        paths, is_next = _paths(match, redirect)
        headers = {condition.name.lower(): condition.value or "" for condition in match.headers}
        mark, method = _query(match), (match.methods or ["GET"])[0]
        for host, path, scheme in product(hosts, paths, ("http", "https")):
            target = parse_target(f"{scheme}://{host}{path}{mark}", policy.merge_slashes)
            if isinstance(target, RequestTarget):
                yield _Start(Request(method, target, headers, Client()), is_next)


def _paths(match: Match, redirect: Redirect | None) -> tuple[list[str], bool]:
    """Return paths that the alternative matches; for a regex, the target of its redirect."""
    path = match.path
    if path and path.exact is not None:
        return [path.exact], False
    if path and path.regex is not None:
        return ([redirect.path.text] if redirect and redirect.path else []), True
    prefix = ((path and path.prefix) or "/").removesuffix("/")
    return [prefix or "/", f"{prefix}/{BELOW}"], False


def _query(match: Match) -> str:
    pairs = [
        f"{quote(condition.name, safe='')}={quote(condition.value or '', safe='')}"
        for condition in match.query_params
    ]
    return f"?{'&'.join(pairs)}" if pairs else ""
