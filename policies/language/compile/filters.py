"""Compiles filters, so that requests only look up what to do.

The header changes of a route and of a backend are joined to one change for each name, so the
edge applies one list of each kind. What several routes share stands in memory once.
"""

from __future__ import annotations

from policies.http.cache import CacheRule
from policies.http.changes import Changes
from policies.http.cors import Cors
from policies.http.filters import FilterChain, Mirror, owned_names
from policies.http.redirect import NewPath, Redirect
from policies.language.compile.once import Once
from policies.language.model import filters as model
from policies.language.model.policy import Route

# The change of a header: whether its old values are removed, and the values to add.
Change = tuple[bool, tuple[str, ...]]
# Responses to requests with these headers must not reach other clients (RFC 9111, section 3.5).
CREDENTIALS = ("authorization", "cookie", "x-api-key")


def filter_chain(route: Route, once: Once) -> FilterChain | None:
    """Return what the route's own filters do; None if nothing."""
    return _chain([route.filters], once) if route.filters else None


def filter_chains(route: Route, once: Once) -> dict[str, FilterChain] | None:
    """Return the same for the pools that have filters of their own; None if there are none."""
    own = [route.filters] if route.filters else []
    found = {
        pool: _chain([*own, share.filters], once)
        for pool, share in (route.split or {}).items()
        if share.filters
    }
    return {pool: chain for pool, chain in found.items() if chain} or None


def _chain(filters: list[model.BackendFilters], once: Once) -> FilterChain | None:
    request = [filter_.request_headers for filter_ in filters if filter_.request_headers]
    response = [filter_.response_headers for filter_ in filters if filter_.response_headers]
    rewrites = [filter_.rewrite for filter_ in filters if filter_.rewrite]
    hosts = [rewrite.hostname for rewrite in rewrites if rewrite.hostname]
    paths = [rewrite.path for rewrite in rewrites if rewrite.path]
    changes = _changes(request) if request else None
    chain = FilterChain(
        request=changes,
        response=_changes(response) if response else None,
        host=hosts[-1] if hosts else None,
        path=new_path(paths[-1]) if paths else None,
        mirrors=tuple(_mirror(mirror) for filter_ in filters for mirror in filter_.mirrors),
        owned=owned_names(changes),
    )
    return once.of(chain, repr(chain)) if any(chain) else None


def joined_changes(in_order: list[model.HeaderChanges]) -> dict[str, Change]:
    """Join the changes, in order, to one for each header name."""
    changes: dict[str, Change] = {}
    for part in in_order:
        for header in part.set:
            changes[header.name.lower()] = (True, (header.value,))
        for header in part.add:
            replaces, values = changes.get(header.name.lower(), (False, ()))
            changes[header.name.lower()] = (replaces, (*values, header.value))
        for name in part.remove:
            changes[name.lower()] = (True, ())
    return changes


def _changes(in_order: list[model.HeaderChanges]) -> Changes:
    changes = joined_changes(in_order)
    return Changes(
        removed=[name for name, (replaces, values) in changes.items() if replaces and not values],
        set={
            name: values[0] for name, (replaces, values) in changes.items() if replaces and values
        },
        added=[
            (name, value)
            for name, (replaces, values) in changes.items()
            for value in values[1 if replaces else 0 :]
        ],
    )


def new_path(path: model.NewPath) -> NewPath:
    return (
        NewPath("full", path.full)
        if path.full is not None
        else NewPath("prefix", path.prefix or "")
    )


def mirrored_share(mirror: model.Mirror) -> float:
    """Return the share of requests that is copied, from 0 to 1."""
    fraction = mirror.fraction
    return fraction.numerator / fraction.denominator if fraction else mirror.percent / 100


def _mirror(mirror: model.Mirror) -> Mirror:
    return Mirror(pool=mirror.pool, share=mirrored_share(mirror), unsafe=mirror.unsafe_methods)


def compiled_redirect(redirect: model.Redirect) -> Redirect:
    return Redirect(
        scheme=redirect.scheme,
        host=redirect.hostname,
        port=redirect.port,
        path=new_path(redirect.path) if redirect.path else None,
        status=redirect.status,
    )


def compiled_cors(cors: model.Cors, once: Once) -> Cors:
    wild = [origin.split("*") for origin in cors.allow_origins if "*" in origin and origin != "*"]
    return once.of(
        Cors(
            everybody="*" in cors.allow_origins,
            exact=frozenset(origin for origin in cors.allow_origins if "*" not in origin),
            wild=tuple((begin, end) for begin, end in wild),
            methods=tuple(dict.fromkeys(cors.allow_methods)),
            headers=tuple(dict.fromkeys(name.lower() for name in cors.allow_headers)),
            exposed=tuple(dict.fromkeys(name.lower() for name in cors.expose_headers)),
            credentials=cors.allow_credentials,
            max_age=cors.max_age // 1000,
        )
    )


def compiled_cache(cache: model.Cache, key_headers: list[str]) -> CacheRule:
    vary = sorted({name.lower() for name in cache.vary})
    return CacheRule(
        ttl_ms=cache.ttl,
        stale_ms=cache.stale_while_revalidate,
        vary=tuple(vary),
        refused=tuple(sorted({*CREDENTIALS, *key_headers} - set(vary))),
    )
