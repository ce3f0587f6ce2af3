"""Compiles a valid policy to the tables that requests are decided on, as plain JSON values.

Work that requests should not repeat is done here: names become positions, regular expressions
become automata, the alternatives of all routes are sorted by precedence into one table per
hostname, and chains of pools that several routes share are stored once.
`policies.compiled.policy.CompiledPolicy` is built from these tables, both at the edge and on
the command line. `FORMAT` is raised when their shape changes.
"""

from __future__ import annotations

import json
from typing import Any

from policies.basics.regex import literal_prefix
from policies.basics.regex_compiler import compile_pattern
from policies.basics.steps import STEP_ENTRIES, STEP_RULES, Steps, finished, pause_after
from policies.language.compile.drills import drill_tables
from policies.language.compile.filters import Parts, filters_table
from policies.language.compile.rate_limits import limit_tables
from policies.language.compile.rollouts import dormant_pools, rollout_tables
from policies.language.model.auth import Auth
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.failover import Failover
from policies.language.model.health import Health
from policies.language.model.policy import Match, Policy, Route, StickySource, Variant
from policies.language.values.failover import NO_BUDGET

FORMAT = 10

Tables = dict[str, Any]


def compile_policy(policy: Policy, digest: str) -> Tables:
    """Return the tables of `policy`, whose digest is `digest`."""
    return finished(compile_steps(policy, digest))


def compile_steps(policy: Policy, digest: str) -> Steps[Tables]:
    """The same, in steps."""
    names = list(policy.variants)
    chains: dict[tuple[str, ...], int] = {}
    parts = Parts()
    routes: list[Tables] = []
    for number, route in enumerate(policy.routes):
        routes.append(_route(policy, route, chains, parts))
        yield from pause_after(number, STEP_ENTRIES)
    first = yield from host_tables(policy, first=True)
    others = yield from host_tables(policy, first=False)
    return {
        "format": FORMAT,
        "digest": digest,
        "merge_slashes": policy.merge_slashes,
        "identify": policy.identify,
        "variants": [_variant(name, policy.variants[name]) for name in names],
        "pools": _pools(policy),
        "strict": [name for name, pool in policy.pools.items() if pool.affinity == "strict"],
        "regions": _regions(policy),
        "chains": [list(chain) for chain in chains],
        "auth": _auth(policy.auth),
        "limits": _limits(policy),
        "health": _health(policy.health),
        "rate_limits": limit_tables(policy),
        "drills": drill_tables(policy.drills),
        "rollouts": rollout_tables(policy.rollouts),
        "parts": parts.tables,
        "routes": routes,
        "first": first,
        "hosts": others,
    }


def _variant(name: str, variant: Variant) -> Tables:
    version = variant.version
    return {
        "name": name,
        "binding": variant.binding or "",
        "url": variant.url or "",
        "pool": variant.pool,
        "region": variant.region,
        "weight": variant.weight,
        "drain": variant.drain,
        # Cloudflare's dictionary structured field: worker-name="version-id"
        "override": f'{version.worker}="{version.id}"' if version else None,
    }


def _regions(policy: Policy) -> Tables:
    """Return the region of each code, by kind of code, and each region's order of regions."""
    tables: Tables = {"default": policy.default_region, "orders": {}}
    for kind in ("colos", "countries", "continents"):
        tables[kind] = {
            code: name for name, region in policy.regions.items() for code in getattr(region, kind)
        }
    for name, region in policy.regions.items():
        tables["orders"][name] = list(dict.fromkeys([name, *region.fallback]))
    return tables


def _pools(policy: Policy) -> Tables:
    """Return the positions of the variants of each pool."""
    pools: dict[str, list[int]] = {}
    for position, variant in enumerate(policy.variants.values()):
        pools.setdefault(variant.pool, []).append(position)
    return pools


def _health(health: Health) -> Tables:
    """Return the table that `policies.resilience.health_terms` reads."""
    probe, passive = health.active, health.passive
    active = probe and [
        probe.path,
        probe.interval,
        probe.timeout,
        probe.unhealthy_after,
        probe.healthy_after,
        [list(each) for each in probe.expect],
        probe.expect_body,
    ]
    counts = [passive.consecutive_failures, passive.failure_rate, passive.min_requests]
    times = [passive.window, passive.eject_for, passive.max_eject_for, passive.slow_start]
    return {"active": active, "passive": counts + times, "panic": health.panic_threshold}


def _limits(policy: Policy) -> list[int]:
    """`[characters of the longest URL of all routes, number of headers, their size]`."""
    limits = policy.limits
    longest = [route.limits.url for route in policy.routes if route.limits and route.limits.url]
    return [max([limits.url, *longest]), limits.header_count, limits.header_size]


def _sizes(policy: Policy, route: Route) -> list[int | None]:
    """`[characters of the URL, bytes of the body]`; None: no limit."""
    own, common = route.limits, policy.limits
    url = common.url if own is None or own.url is None else own.url
    return [url, common.body if own is None or own.body is None else own.body]


def _route(
    policy: Policy, route: Route, chains: dict[tuple[str, ...], int], parts: Parts
) -> Tables:
    """Return the table of a route. Its chains of pools are added to `chains`, which has their
    numbers, and its shared tables to `parts`."""
    table: Tables = {"name": route.name, "sizes": _sizes(policy, route)}
    table |= filters_table(route, _key_headers(policy.auth), parts)
    if route.auth:
        table["auth"] = [route.auth.scopes, route.auth.forward_credentials]
    if route.rate_limits:
        table["rate_limits"] = route.rate_limits
    if route.respond:
        respond = route.respond
        headers = [[header.name.lower(), header.value] for header in respond.headers]
        return table | {"respond": [respond.status, headers, respond.body]}
    if "redirect" in table:
        return table
    split = route.split or {}
    first = next(pool for pool, share in split.items() if share.backend is None)
    found = {
        pool: () if share.backend else _chain(policy, pool, first) for pool, share in split.items()
    }
    numbers = {pool: chains.setdefault(chain, len(chains)) for pool, chain in found.items()}
    dormant = dormant_pools(route)
    if dormant:
        table["dormant"] = [[pool, 0, numbers[pool]] for pool in dormant]
    if route.override:
        pools = [pool for pool, chain in found.items() if chain]
        table["override"] = _override(policy, route.override, pools)
    return table | {
        "seed": route.seed or route.name,
        "split": [
            [pool, share.weight, numbers[pool]] for pool, share in split.items() if share.weight > 0
        ],
        "sticky": [_source(source, policy.auth) for source in route.sticky],
        "request_ms": route.timeouts.request,
        "backend_request_ms": route.timeouts.backend_request,
        "failover": _failover(route.failover),
    }


def _override(policy: Policy, header: str, pools: list[str]) -> list[Any]:
    """Return the table that `policies.routing.override` reads."""
    chains = [_chain(policy, pool, pools[0]) for pool in pools]
    return [header.lower(), pools, list(dict.fromkeys(name for chain in chains for name in chain))]


def _failover(failover: Failover) -> list[Any]:
    """Return the fields of `policies.resilience.failover.RetryPolicy`; status codes are a list."""
    return [
        failover.attempts,
        sorted({code for code in failover.on if isinstance(code, int)}),
        "connect" in failover.on,
        "timeout" in failover.on,
        failover.non_idempotent,
        failover.same_variant,
        failover.backoff,
        failover.buffer,
        None if failover.budget == NO_BUDGET else failover.budget,
        failover.hedge,
    ]


def _source(source: StickySource, auth: Auth) -> list[Any]:
    """`[kind, name, max age in seconds of a cookie to set, or 0]`."""
    if source.header is not None:
        return ["header", source.header.lower(), 0]
    if source.cookie is not None:
        return ["cookie", source.cookie, source.max_age // 1000 if source.set else 0]
    return ["api_key", " ".join(_key_headers(auth)), 0] if source.api_key else ["ip", "", 0]


def _key_headers(auth: Auth) -> list[str]:
    return list(dict.fromkeys(name.lower() for name in auth.header))


def _auth(auth: Auth) -> Tables:
    """Return the keys by the kind of their hash; a key is `[id, hash, scopes, times in ms, …]`."""
    table: Tables = {"headers": _key_headers(auth), "sha256": [], "hmac_sha256": []}
    for key in auth.keys:
        metadata = json.dumps(key.metadata) if key.metadata else ""
        rest = [key.scopes, key.not_before or 0, key.not_after, key.disabled, metadata]
        kind = "sha256" if key.sha256 else "hmac_sha256"
        table[kind].append([key.id, key.sha256 or key.hmac_sha256, *rest])
    return table


def _chain(policy: Policy, pool: str, first: str) -> tuple[str, ...]:
    """Return the pool and its fallbacks, in order."""
    stated = policy.pools[pool].fallback if pool in policy.pools else None
    return tuple(dict.fromkeys([pool, *([first] if stated is None else stated)]))


def host_tables(policy: Policy, first: bool) -> Steps[Tables]:
    """Return the table of rules of each hostname (`*.…` for wildcards, "" for all), either of
    the routes with `first` or of the others.

    A rule is `[route, methods, headers, query parameters, description, length of the path's
    prefix, scheme]`.
    """
    hosts: Tables = {}
    number = work = 0
    for position, route in enumerate(policy.routes):
        if route.first is not first:
            continue
        for match in route.matches or [Match()]:
            for host in dict.fromkeys(route.hostnames or [""]):
                table = hosts.setdefault(host, {"exact": {}, "prefix": {}, "regex": []})
                _add(table, match, _rule(position, host, match, first))
                work += 1 + len(match.headers) + len(match.query_params)
                if work >= 2 * STEP_RULES:
                    work = 0
                    yield 1
    for table in hosts.values():
        for kind in ("exact", "prefix"):
            for rules in table[kind].values():
                yield from pause_after(number, STEP_RULES)
                number += 1
                rules.sort(key=_precedence)
        table["regex"].sort(key=lambda entry: (-len(entry[1]), _precedence(entry[3])))
    return hosts


def _add(table: Tables, match: Match, rule: list[Any]) -> None:
    path = match.path
    if path is None or path.prefix is not None:
        prefix = (path and path.prefix) or "/"
        table["prefix"].setdefault(prefix.removesuffix("/"), []).append(rule)
    elif path.exact is not None:
        table["exact"].setdefault(path.exact, []).append(rule)
    elif path.regex is not None:
        program = compile_pattern(path.regex)
        under = literal_prefix(program).rpartition("/")[0]
        table["regex"].append([under, path.regex, program.to_json(), rule])


def _rule(position: int, host: str, match: Match, first: bool) -> list[Any]:
    return [
        position,
        sorted(set(match.methods)) if match.methods else None,
        [_condition(header, header.name.lower()) for header in match.headers],
        [_condition(param, param.name) for param in match.query_params],
        _text(host, match, first),
        len(match.path.prefix.removesuffix("/")) if match.path and match.path.prefix else 0,
        match.scheme,
    ]


def _condition(match: HeaderMatch | QueryParamMatch, name: str) -> list[Any]:
    """`[name, value or None, automaton or None]`."""
    if match.regex is None:
        return [name, match.value, None]
    return [name, None, compile_pattern(match.regex).to_json()]


def _precedence(rule: list[Any]) -> tuple[int, int, int, int, int]:
    """Return the sort key after hostname and path: the scheme, then, as in the Gateway API,
    method, headers, query parameters and order in the file."""
    position, methods, headers, query, _, _, scheme = rule
    return (0 if scheme else 1, 0 if methods else 1, -len(headers), -len(query), position)


def _text(host: str, match: Match, first: bool) -> str:
    parts = ["first"] if first else []
    parts.append(host or "any host")
    path = match.path
    if path is None:
        parts.append("any path")
    elif path.exact is not None:
        parts.append(f"path {path.exact}")
    elif path.prefix is not None:
        parts.append(f"path prefix {path.prefix}")
    else:
        parts.append(f"path regex {path.regex}")
    parts += [f"scheme {match.scheme}"] if match.scheme else []
    parts += [" or ".join(match.methods)] if match.methods else []
    parts += [f"header {each.name}" for each in match.headers]
    parts += [f"query parameter {each.name}" for each in match.query_params]
    return ", ".join(parts)
