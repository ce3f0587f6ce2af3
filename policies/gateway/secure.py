"""Redirects from HTTP to HTTPS, where a Gateway has listeners for both.

- A rule of an HTTP listener that only sends clients to HTTPS becomes a redirect that passes
  over what comes by HTTPS (`decisions/redirect.py`), and goes before its equals.
- Routes of HTTPS listeners that match more closely would take HTTP requests before it. So each
  of them gets a redirect of its own, with the same hosts and matches, right before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.gateway.drafts import Draft, Piece
from policies.gateway.grpc_model import AnyRule
from policies.gateway.listeners import Attached, Listeners, intersection
from policies.gateway.names import Names, fitted


def forces_https(rule: AnyRule, route: Attached, listeners: Listeners) -> bool:
    """Whether a rule only sends clients of an HTTP listener to HTTPS, which other listeners
    serve."""
    if not all(listener and listener.told.protocol == "HTTP" for listener, _ in route.served):
        return False
    secure = [each for each in listeners if each.told.protocol == "HTTPS"]
    overlapping = any(
        intersection(host, each.hostname) is not None for host in route.hosts for each in secure
    )
    redirects = [each.request_redirect for each in rule.filters if each and each.request_redirect]
    plain = [
        each.scheme == "https" and not (each.hostname or each.path) and each.port in (None, 443)
        for each in redirects
    ]
    return overlapping and bool(plain) and all(plain)


def redirects_before(draft: Draft, all_of: list[Draft], taken: Names) -> Iterator[Draft]:
    """The redirects of its own that a route of HTTPS listeners gets, of all redirects there
    are for HTTP listeners."""
    covered: set[str] = set()
    for redirect in all_of:
        matches = [piece for piece in draft.matches if _covers(redirect, piece)]
        if draft.matches and not matches:
            continue
        hosts = [
            host
            for host in _hosts(redirect, draft)
            if host not in covered and not (host in redirect.hosts and _is_same(redirect, draft))
        ]
        if not draft.matches and not _covers(redirect, Piece({}, ())):
            continue
        covered.update(hosts)
        for wide in (False, True):  # a route has hostnames or none
            if group := [host for host in hosts if (host == "") is wide]:
                yield _copy(redirect, draft, group, matches, taken)


def _copy(
    redirect: Draft, draft: Draft, hosts: list[str], matches: list[Piece], taken: Names
) -> Draft:
    name = taken.first_free([fitted(f"{draft.name}.https")])
    copy = Draft(redirect.manifest, redirect.path, name, hosts)
    copy.matches = [Piece(dict(piece.value), piece.path, dict(piece.origins)) for piece in matches]
    copy.rest, copy.secures = dict(redirect.rest), True
    copy.comments = [f"To HTTPS, as {redirect.name} says, for {draft.name}"]
    return copy


def _hosts(one: Draft, other: Draft) -> list[str]:
    found = (intersection(mine, theirs) for mine in one.hosts for theirs in other.hosts)
    return list(dict.fromkeys(host for host in found if host is not None))


def _is_same(redirect: Draft, draft: Draft) -> bool:
    """Whether they match the same paths, so that the redirect goes first by itself."""
    return all(not piece.value for piece in (*redirect.matches, *draft.matches))


def _covers(redirect: Draft, piece: Piece) -> bool:
    """Whether the redirect's rule takes all that a match takes."""
    return not redirect.matches or any(_takes(own.value, piece.value) for own in redirect.matches)


def _takes(wide: dict[str, Any], narrow: dict[str, Any]) -> bool:
    if not wide:
        return True
    path, other = wide.get("path", {}), narrow.get("path", {})
    if set(wide) != {"path"} or "prefix" not in path:
        return wide == narrow
    begin = str(path["prefix"]).rstrip("/")
    text = other.get("exact", other.get("prefix"))
    return text is not None and (text == begin or str(text).startswith(f"{begin}/"))
