"""Warnings about CORS.

- Credentials are allowed for origins that anybody can register: every site could act as the
  user who is logged in.
- No page of another origin can use the route: it requires a key but allows no header that
  carries one, or it matches only methods that pages may not use.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found
from policies.language.model.filters import Cors
from policies.language.model.policy import Policy, Route

SIMPLE_METHODS = frozenset({"GET", "HEAD", "POST"})  # always allowed (Fetch)


def doubtful_cors(policy: Policy) -> Iterator[Found]:
    """Yield findings about the `cors` of each route."""
    headers = list(dict.fromkeys(name.lower() for name in policy.auth.header))
    for index, route in enumerate(policy.routes):
        cors = route.filters.cors if route.filters else None
        if cors:
            path: Path = ("routes", index, "filters", "cors")
            yield from _credentials(cors, path)
            if route.auth:
                yield from _without_key(cors, path, headers)
            yield from _without_method(route, cors, path)


def _credentials(cors: Cors, path: Path) -> Iterator[Found]:
    if not cors.allow_credentials:
        return
    for at, origin in enumerate(cors.allow_origins):
        if _is_anybodys(origin):
            message = f"every site that `{shown(origin)}` matches may send the user's cookies "
            message += "and read the responses: it can act as the user"
            hint = "list the origins, such as `https://app.example.com`, or leave "
            hint += "out `allow_credentials`"
            yield "cors-credentials", (*path, "allow_origins", at), message, hint
            return


def _is_anybodys(origin: str) -> bool:
    """Return whether anybody can register such an origin: `*`, `https://*`, `https://*.com`."""
    host = origin.partition("://")[2].partition(":")[0] or origin
    return host.startswith("*") and "." not in host.removeprefix("*").removeprefix(".")


def _without_key(cors: Cors, path: Path, headers: list[str]) -> Iterator[Found]:
    allowed = {name.lower() for name in cors.allow_headers}
    if not allowed.intersection({"*", *headers}):
        names = " or ".join(f"`{shown(name)}`" for name in headers[:5])
        message = f"the route requires a key, but pages may not send {names}"
        hint = f"write `allow_headers: [{shown(headers[0])}]`"
        yield "cors-unusable", path, message, hint


def _without_method(route: Route, cors: Cors, path: Path) -> Iterator[Found]:
    taken: set[str] = set()
    for match in route.matches:
        if not match.methods:
            return
        taken.update(match.methods)
    may_use = taken & SIMPLE_METHODS or taken.intersection(cors.allow_methods)
    if may_use or "*" in cors.allow_methods or taken <= {"OPTIONS"}:
        return
    names = [shown(method) for method in sorted(taken)[:5]]
    message = "pages may use none of the methods that the route matches "
    message += f"({', '.join(f'`{name}`' for name in names)})"
    yield "cors-unusable", path, message, f"write `allow_methods: [{', '.join(names)}]`"
