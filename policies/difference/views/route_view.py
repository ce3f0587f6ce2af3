"""The view of a route: what it matches, and what it does with requests.

Order matters only where it has an effect: for sources of a sticky key, rate limits, and the
headers of a fixed response.
"""

from __future__ import annotations

import json

from policies.basics.durations import duration_text
from policies.difference.views.spelling import View, percentage, plain, unique
from policies.language.compile.filters import joined_changes, mirrored_share
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.filters import BackendFilters, Filters, HeaderChanges, Mirror
from policies.language.model.policy import (
    Match,
    Policy,
    Route,
    StickySource,
)


def route_view(policy: Policy, route: Route) -> View:
    view: View = {
        "first": route.first,
        "hostnames": unique(route.hostnames),
        "matches": unique(match_text(match) for match in route.matches or [Match()]),
        "rate_limits": list(dict.fromkeys(route.rate_limits)),
        "limits": _limits(policy, route),
    }
    if route.auth:
        view["auth"] = plain(route.auth) | {"scopes": unique(route.auth.scopes)}
    if route.filters:
        view["filters"] = _filters(route.filters)
    if route.respond:
        headers = [f"{header.name.lower()}: {header.value}" for header in route.respond.headers]
        view["respond"] = plain(route.respond, without=["headers"]) | {"headers": headers}
    if route.split and not route.respond:
        view |= _forwarding(policy, route)
    return view


def _moved_pools(policy: Policy, route: Route) -> set[str]:
    of_route = [rollout for rollout in policy.rollouts if route.name in rollout.routes]
    return {pool for rollout in of_route for pool in (rollout.source, rollout.to)}


def _forwarding(policy: Policy, route: Route) -> View:
    """Return the split; pools with weight 0 count only if a rollout or an override can use them."""
    split = route.split or {}
    waiting = _moved_pools(policy, route)
    total = sum(share.weight for share in split.values())
    view: View = {
        "split": {
            pool: percentage(share.weight / total)
            for pool, share in split.items()
            if share.weight or pool in waiting or route.override
        },
        "backends": {
            pool: _backend_filters(share.filters) for pool, share in split.items() if share.filters
        }
        | {pool: {"backend": share.backend} for pool, share in split.items() if share.backend},
        "sticky": list(dict.fromkeys(map(_source_text, route.sticky))),
        "timeouts": plain(route.timeouts),
        "failover": plain(route.failover),
    }
    if route.sticky:
        view["seed"] = route.seed or route.name
    if route.override:
        view["override"] = route.override.lower()
    return view


def _limits(policy: Policy, route: Route) -> View:
    """Return the limits of the route, or else of the policy."""
    common = policy.limits.model_copy(
        update={
            name: value
            for name in ("url", "body")
            if route.limits and (value := getattr(route.limits, name)) is not None
        }
    )
    return plain(common, without=["header_count", "header_size"])


def match_text(match: Match) -> str:
    """Return the canonical text of an alternative: what matches the same reads the same."""
    parts = []
    path = match.path
    if path and path.exact is not None:
        parts.append(f"path {path.exact}")
    elif path and path.regex is not None:
        parts.append(f"path regex {path.regex}")
    elif path and path.prefix not in (None, "/"):
        parts.append(f"path prefix {str(path.prefix).removesuffix('/')}")
    parts += [f"scheme {match.scheme}"] if match.scheme else []
    parts += [" or ".join(unique(match.methods))] if match.methods else []
    parts += sorted(
        condition_text("header", condition.name.lower(), condition) for condition in match.headers
    )
    parts += sorted(
        condition_text("query parameter", condition.name, condition)
        for condition in match.query_params
    )
    return ", ".join(parts) or "any request"


def condition_text(kind: str, name: str, condition: HeaderMatch | QueryParamMatch) -> str:
    if condition.regex is not None:
        return f"{kind} {name} matching {json.dumps(condition.regex, ensure_ascii=False)}"
    return f"{kind} {name} {json.dumps(condition.value, ensure_ascii=False)}"


def _source_text(source: StickySource) -> str:
    if source.header is not None:
        return f"header:{source.header.lower()}"
    if source.cookie is not None:
        lives = duration_text(source.max_age // 1000 * 1000)
        return f"cookie:{source.cookie}{f', set for {lives}' if source.set else ''}"
    return "api_key" if source.api_key else "ip"


def _filters(filters: Filters) -> View:
    view = _backend_filters(filters)
    if filters.redirect:
        view["redirect"] = plain(filters.redirect)
    if filters.cache:
        vary = unique(name.lower() for name in filters.cache.vary)
        view["cache"] = plain(filters.cache) | {"vary": vary}
    if filters.cors:
        cors = filters.cors
        view["cors"] = {
            "allow_origins": ["*"] if "*" in cors.allow_origins else unique(cors.allow_origins),
            "allow_methods": unique(cors.allow_methods),
            "allow_headers": unique(name.lower() for name in cors.allow_headers),
            "expose_headers": unique(name.lower() for name in cors.expose_headers),
            "allow_credentials": cors.allow_credentials,
            "max_age": duration_text(cors.max_age // 1000 * 1000),
        }
    return view


def _backend_filters(filters: BackendFilters) -> View:
    view: View = {}
    for name in ("request_headers", "response_headers"):
        changes = getattr(filters, name)
        if changes:
            view[name] = _headers(changes)
    if filters.rewrite:
        view["rewrite"] = plain(filters.rewrite)
    if filters.mirrors:
        view["mirrors"] = sorted(map(_mirror_text, filters.mirrors))
    return view


def _headers(changes: HeaderChanges) -> View:
    """Return the change of each header."""
    view: View = {}
    for name, (replaces, values) in joined_changes([changes]).items():
        listed = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
        view[name] = f"{'set to' if replaces else 'added'} {listed}" if values else "removed"
    return view


def _mirror_text(mirror: Mirror) -> str:
    methods = ", all methods" if mirror.unsafe_methods else ""
    return f"{percentage(mirrored_share(mirror))} to {mirror.pool}{methods}"
