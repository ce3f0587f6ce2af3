"""Checks that concern several values of a route's filters; see `check.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from policies.access.authenticate import HEADERS
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import (
    Found,
    KeyOf,
    list_in,
    mapping_in,
    routes_of,
    served_pools,
    unknown,
)

# Headers of the connection, not of the message (RFC 9110, section 7.6.1).
_CONNECTION = (
    r"connection|content-length|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade"
)
NOT_TO_SEND = re.compile(
    rf"{_CONNECTION}|host|forwarded|traceparent|tracestate|x-forwarded-(for|host|port|proto)"
    r"|x-request-id|x-router-.*|cloudflare-workers-version-.*",
    re.IGNORECASE,
)
NOT_TO_ANSWER = re.compile(rf"{_CONNECTION}|x-request-id|x-router-.*", re.IGNORECASE)
OF_CORS = re.compile(r"access-control-(allow|expose|max)-.*", re.IGNORECASE)

# Fields that have no effect on a route that answers at the edge.
_NOT_BESIDE_ANSWER = ("split", "sticky", "override", "seed", "timeouts", "failover")
_NOT_BESIDE_REDIRECT = (
    "respond",
    "auth",
    "rate_limits",
    *_NOT_BESIDE_ANSWER,
)  # the redirect comes first
_NOT_ON_THE_WAY = ("request_headers", "rewrite", "mirrors", "cache")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CACHED_METHODS = frozenset({"GET", "HEAD"})


def _answers(policy: object) -> Iterator[Found]:
    """Fields about forwarding have no effect on a route that answers at the edge."""
    for index, route in routes_of(policy):
        filters = mapping_in(route, "filters")
        if route.get("respond") is None and filters.get("redirect") is None:
            continue
        redirects = filters.get("redirect") is not None
        word = "filters.redirect" if redirects else "respond"
        names = _NOT_BESIDE_REDIRECT if redirects else _NOT_BESIDE_ANSWER
        path: Path = ("routes", index)
        unused: list[Path] = [(*path, KeyOf(name)) for name in names if name in route]
        unused += [(*path, "filters", KeyOf(name)) for name in _NOT_ON_THE_WAY if name in filters]
        for path in unused:
            message = f"`{path[-1]}` has no effect on a route that answers with `{word}`"
            yield "unused-field", path, message, f"leave out `{path[-1]}` or `{word}`"


def _filters(policy: object) -> Iterator[tuple[Path, dict[str, object], dict[str, object]]]:
    """Yield the filters of each route and each backend, with their path and their route."""
    for index, route in routes_of(policy):
        path: Path = ("routes", index)
        yield (*path, "filters"), mapping_in(route, "filters"), route
        for pool, share in mapping_in(route, "split").items():
            if isinstance(share, dict):
                yield (*path, "split", pool, "filters"), mapping_in(share, "filters"), route


def _headers(policy: object) -> Iterator[Found]:
    for path, filters, route in _filters(policy):
        has_cors = mapping_in(route, "filters").get("cors") is not None
        for side, not_to_set in (
            ("request_headers", NOT_TO_SEND),
            ("response_headers", NOT_TO_ANSWER),
        ):
            for place, name in _names((*path, side), mapping_in(filters, side)):
                hint = "leave it out"
                if not_to_set.fullmatch(name):
                    if name.lower() == "host":
                        hint = "write `rewrite: {hostname: …}` instead"
                    message = f"`{shown(name)}` is set by the runtime or by the router"
                    yield "bad-header", place, message, hint
                elif has_cors and side == "response_headers" and OF_CORS.fullmatch(name):
                    message = f"`cors` sets `{shown(name)}` and overwrites this value"
                    yield "unused-field", place, message, hint


def _names(path: Path, changes: dict[str, object]) -> Iterator[tuple[Path, str]]:
    for kind in ("set", "add"):
        for at, header in enumerate(list_in(changes, kind)):
            name = header.get("name") if isinstance(header, dict) else None
            if isinstance(name, str):
                yield (*path, kind, at, "name"), name
    for at, name in enumerate(list_in(changes, "remove")):
        if isinstance(name, str):
            yield (*path, "remove", at), name


def _repeated(policy: object) -> Iterator[Found]:
    """No name is in two lists, except in `set` and then `add`; none is twice in one list, except
    in `add`."""
    for path, filters, _ in _filters(policy):
        for side in ("request_headers", "response_headers"):
            kinds: dict[str, str] = {}
            for place, name in _names((*path, side), mapping_in(filters, side)):
                kind = str(place[len(path) + 1])
                before = kinds.get(name.lower())
                kinds.setdefault(name.lower(), kind)
                if before is None or (before != "remove" and kind == "add"):
                    continue
                message = f"`{shown(name)}` is in `{before}` already"
                yield "unused-field", place, message, "keep one of the two"


def _rewrites(policy: object) -> Iterator[Found]:
    """Only a matched prefix can be replaced (Gateway API: ReplacePrefixMatch)."""
    for path, filters, route in _filters(policy):
        for kind in ("redirect", "rewrite"):
            new = mapping_in(mapping_in(filters, kind), "path")
            if new.get("prefix") is None:
                continue
            for at, match in enumerate(list_in(route, "matches")):
                old = mapping_in(match, "path")
                if old and "prefix" not in old:
                    message = f"matches[{at}] matches no prefix, so there is none to replace"
                    hint = "match `path: {prefix: …}`, or replace the whole path with `full`"
                    yield "no-prefix", (*path, kind, "path", KeyOf("prefix")), message, hint
                    break


def _mirrors(policy: object) -> Iterator[Found]:
    served = served_pools(policy)
    for path, filters, route in _filters(policy):
        methods = _methods(route)
        for at, mirror in enumerate(list_in(filters, "mirrors")):
            if not isinstance(mirror, dict):
                continue
            here = (*path, "mirrors", at)
            yield from unknown("pool", mirror.get("pool"), served, (*here, "pool"))
            unsafe = mirror.get("unsafe_methods") is True
            if methods and not unsafe and not methods & SAFE_METHODS:
                message = (
                    "only GET, HEAD and OPTIONS are mirrored, and the route matches none of them"
                )
                yield "unused-field", here, message, "add `unsafe_methods: true`, or leave it out"


def _caches(policy: object) -> Iterator[Found]:
    keys = key_headers(policy)
    for path, filters, route in _filters(policy):
        cache, methods = filters.get("cache"), _methods(route)
        if cache is None:
            continue
        if methods and not methods & CACHED_METHODS:
            message = "only responses to GET and HEAD are cached, and the route matches neither"
            yield "unused-field", (*path, KeyOf("cache")), message, "leave it out"
        varies = {str(name).lower() for name in list_in(cache, "vary")}
        if "auth" in route and not varies & keys:
            message = "every request carries a key that is not in `vary`, so nothing is ever cached"
            hint = f"add {' or '.join(f'`{name}`' for name in sorted(keys))} to `vary`"
            yield "unused-field", (*path, KeyOf("cache")), message, hint


def key_headers(policy: object) -> set[str]:
    """Return the headers that carry API keys."""
    auth = mapping_in(policy, "auth")
    given = [auth["header"]] if isinstance(auth.get("header"), str) else list_in(auth, "header")
    return {str(name).lower() for name in given} or set(HEADERS)


def _methods(route: dict[str, object]) -> set[str]:
    """Return the methods that the route matches; empty if it matches all."""
    methods: set[str] = set()
    for match in list_in(route, "matches"):
        if not list_in(match, "methods"):
            return set()
        methods |= {method for method in list_in(match, "methods") if isinstance(method, str)}
    return methods


FILTER_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (
    _answers,
    _headers,
    _repeated,
    _rewrites,
    _mirrors,
    _caches,
)
