"""Compiles filters to tables, so that requests only look up what to do.

The header changes of a route and of a backend are joined to one change for each name, so the
edge applies one list of each kind. Tables that several routes share are stored once.
"""

from __future__ import annotations

import json
from typing import Any

from policies.language.model.filters import (
    BackendFilters,
    Cache,
    Cors,
    HeaderChanges,
    Mirror,
    NewPath,
    Redirect,
)
from policies.language.model.policy import Route

Table = Any  # plain JSON
# The change of a header: whether its old values are removed, and the values to add.
Change = tuple[bool, tuple[str, ...]]
# Responses to requests with these headers must not reach other clients (RFC 9111, section 3.5).
CREDENTIALS = ("authorization", "cookie", "x-api-key")


class Parts:
    """Tables that routes share; each is stored once and referred to by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.tables: list[Table] = []

    def number(self, table: Table) -> int:
        text = json.dumps(table, sort_keys=True)
        number = self._numbers.setdefault(text, len(self.tables))
        if number == len(self.tables):
            self.tables.append(table)
        return number


def filters_table(route: Route, key_headers: list[str], parts: Parts) -> dict[str, Table]:
    """Return the entries of a route's table for its filters; empty if it has none."""
    made: dict[str, Table] = {}
    filters = route.filters
    if filters:
        made["plan"] = _plan([filters], parts)
        made["redirect"] = redirect_table(filters.redirect) if filters.redirect else None
        made["cors"] = parts.number(_cors(filters.cors)) if filters.cors else None
        made["cache"] = _cache(filters.cache, key_headers) if filters.cache else None
    plans = {
        pool: _plan([*([filters] if filters else []), share.filters], parts)
        for pool, share in (route.split or {}).items()
        if share.filters
    }
    made["plans"] = plans or None
    return {name: table for name, table in made.items() if table is not None}


def _plan(filters: list[BackendFilters], parts: Parts) -> int | None:
    """Return the number of `[request header changes, response header changes, host, path,
    mirrors]`; None if all are empty."""
    request = [each.request_headers for each in filters if each.request_headers]
    response = [each.response_headers for each in filters if each.response_headers]
    rewrites = [each.rewrite for each in filters if each.rewrite]
    hosts = [rewrite.hostname for rewrite in rewrites if rewrite.hostname]
    paths = [rewrite.path for rewrite in rewrites if rewrite.path]
    table = [
        _changes(request) if request else None,
        _changes(response) if response else None,
        hosts[-1] if hosts else None,
        _new_path(paths[-1]) if paths else None,
        [_mirror(mirror) for each in filters for mirror in each.mirrors],
    ]
    return parts.number(table) if any(table) else None


def joined_changes(each: list[HeaderChanges]) -> dict[str, Change]:
    """Join the changes, in order, to one for each header name."""
    changes: dict[str, Change] = {}
    for part in each:
        for header in part.set:
            changes[header.name.lower()] = (True, (header.value,))
        for header in part.add:
            replaces, values = changes.get(header.name.lower(), (False, ()))
            changes[header.name.lower()] = (replaces, (*values, header.value))
        for name in part.remove:
            changes[name.lower()] = (True, ())
    return changes


def _changes(each: list[HeaderChanges]) -> Table:
    """`[names to remove, pairs to set, pairs to add after that]`."""
    changes = joined_changes(each)
    removed = [name for name, (replaces, values) in changes.items() if replaces and not values]
    first = [
        [name, values[0]] for name, (replaces, values) in changes.items() if replaces and values
    ]
    rest = [
        [name, value]
        for name, (replaces, values) in changes.items()
        for value in values[1 if replaces else 0 :]
    ]
    return [removed, first, rest]


def _new_path(path: NewPath) -> Table:
    return ["full", path.full] if path.full is not None else ["prefix", path.prefix]


def mirrored_share(mirror: Mirror) -> float:
    """Return the share of requests that is copied, from 0 to 1."""
    fraction = mirror.fraction
    return fraction.numerator / fraction.denominator if fraction else mirror.percent / 100


def _mirror(mirror: Mirror) -> Table:
    """`[pool, share of the requests, whether for all methods]`."""
    return [mirror.pool, mirrored_share(mirror), mirror.unsafe_methods]


def redirect_table(redirect: Redirect) -> Table:
    path = _new_path(redirect.path) if redirect.path else None
    return [redirect.scheme, redirect.hostname, redirect.port, path, redirect.status]


def _cors(cors: Cors) -> Table:
    """Return the table of `cors`; origins with a wildcard are `[beginning, end]`."""
    wild = [each.split("*") for each in cors.allow_origins if "*" in each and each != "*"]
    return {
        "everybody": "*" in cors.allow_origins,
        "exact": [each for each in dict.fromkeys(cors.allow_origins) if "*" not in each],
        "wild": [[begin, end] for begin, end in wild],
        "methods": list(dict.fromkeys(cors.allow_methods)),
        "headers": list(dict.fromkeys(name.lower() for name in cors.allow_headers)),
        "exposed": list(dict.fromkeys(name.lower() for name in cors.expose_headers)),
        "credentials": cors.allow_credentials,
        "max_age": cors.max_age // 1000,
    }


def _cache(cache: Cache, key_headers: list[str]) -> Table:
    """`[fresh for ms, then stale for ms, headers of the key, headers that forbid it]`."""
    vary = sorted({name.lower() for name in cache.vary})
    refused = sorted({*CREDENTIALS, *key_headers} - set(vary))
    return [cache.ttl, cache.stale_while_revalidate, vary, refused]
