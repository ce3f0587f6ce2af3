"""HTTP and HTTPS: which of them a route serves, as its listeners say.

- A route of HTTPS listeners only is not served over HTTP: its matches have `scheme`. So have
  those of a route of HTTP listeners whose hosts HTTPS listeners serve as well. HTTP requests
  then go to the routes of HTTP listeners, such as a redirect to HTTPS.
- A match with a scheme takes precedence over one without. So all matches with the same host and
  path get one: a route of both listeners has each match twice.
- A rule of an HTTP listener that only redirects to HTTPS comes before its equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.gateway.cluster.listeners import Attached, Listeners, intersection
from policies.gateway.models.grpc_routes import AnyRule
from policies.gateway.output.drafts import Draft, Piece

_BOTH = ("http", "https")
_Key = tuple[str, ...]  # a host, and the kind of path


def forces_https(rule: AnyRule, route: Attached, listeners: Listeners) -> bool:
    """Return whether a rule only redirects clients of an HTTP listener to HTTPS, which other
    listeners serve."""
    redirects = [
        filter_.request_redirect for filter_ in rule.filters if filter_ and filter_.request_redirect
    ]
    plain = [
        redirect.scheme == "https"
        and not (redirect.hostname or redirect.path)
        and redirect.port in (None, 443)
        for redirect in redirects
    ]
    return schemes_of(route, listeners) == ("http",) and bool(plain) and all(plain)


def schemes_of(route: Attached, listeners: Listeners) -> tuple[str, ...]:
    """Return the schemes of the route; empty if it serves all."""
    protocols = {listener.spec.protocol if listener else "" for listener, _ in route.served}
    if protocols == {"HTTPS"}:
        return ("https",)
    secure = [listener for listener in listeners if listener.spec.protocol == "HTTPS"]
    meets = any(intersection(host, s.hostname) is not None for host in route.hosts for s in secure)
    return ("http",) if protocols == {"HTTP"} and meets else ()


def name_schemes(drafts: list[Draft]) -> None:
    """Add the schemes to all matches that need one."""
    by_key: dict[_Key, list[tuple[Draft, Piece]]] = {}
    waiting: list[_Key] = []
    for draft in drafts:
        if not draft.matches:
            draft.matches = [Piece({}, draft.path)]
        for piece in draft.matches:
            keys = [*_keys(draft, piece)]
            waiting += keys if draft.schemes else []
            for key in keys:
                by_key.setdefault(key, []).append((draft, piece))
    named: dict[int, Piece] = {}
    while waiting:
        for draft, piece in by_key.pop(waiting.pop(), ()):
            if id(piece) not in named:
                named[id(piece)] = piece
                waiting += _keys(draft, piece)
    for draft in drafts:
        draft.matches = [
            scheme_match for piece in draft.matches for scheme_match in _named(draft, piece, named)
        ]


def _keys(draft: Draft, piece: Piece) -> Iterator[_Key]:
    """Return what matches that compete have in common: host and path come before the scheme."""
    path = piece.value.get("path", {})
    kind: tuple[str, ...] = ("prefix", str(path.get("prefix", "/")).removesuffix("/"))
    if "exact" in path:
        kind = ("exact", path["exact"])
    elif "regex" in path:
        kind = ("regex",)  # all with the same length are compared
    return ((host, *kind) for host in draft.hosts)


def _named(draft: Draft, piece: Piece, named: dict[int, Piece]) -> Iterable[Piece]:
    if id(piece) not in named:
        return [piece]
    return [
        Piece({"scheme": scheme, **piece.value}, piece.path, piece.origins)
        for scheme in draft.schemes or _BOTH
    ]
