"""Policies of any size, with a request for each of their routes.

Every fifth route is of one kind: an exact path, a prefix, a regular expression, a
wildcard hostname, a header. So policies of different sizes differ in nothing but size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.basics.untyped import JsonObject
from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import PolicyTables
from policies.language.compile.compile import compile_policy
from policies.language.model.policy import Policy

REGIONS = {"eu": "EU", "us": "NA", "ap": "AS"}
SPLIT = {"production": 90, "canary": 10}
STICKY = ["header:x-worker-id", "cookie:client"]


@dataclass(frozen=True, slots=True)
class Example:
    """The matches of a route, and a request that they match."""

    hostnames: list[str]
    match: JsonObject
    method: str
    url: str
    headers: dict[str, str]


def _exact(n: int) -> Example:
    host = f"host-{n % 50}.example.com"
    path = f"/api/v1/service-{n}/status"
    return Example([host], {"path": {"exact": path}}, "GET", f"https://{host}{path}?full=1", {})


def _prefix(n: int) -> Example:
    url = f"https://files.example.com/tenants/{n}/files/2026/report.pdf"
    return Example([], {"path": {"prefix": f"/tenants/{n}/files"}}, "GET", url, {})


def _regex(n: int) -> Example:
    match = {"path": {"regex": f"/items-{n}/[0-9]+(/[a-z]+)?"}}
    return Example([], match, "GET", f"https://shop.example.com/items-{n}/4711/reviews", {})


def _wildcard(n: int) -> Example:
    match = {"path": {"prefix": "/v2"}, "methods": ["GET", "POST"]}
    hostname = f"zone-{n}.example.net"
    return Example([f"*.{hostname}"], match, "POST", f"https://www.{hostname}/v2/orders", {})


def _header(n: int) -> Example:
    headers = {"x-tenant": f"tenant-{n}"}
    match = {
        "path": {"prefix": f"/shared/{n}"},
        "headers": [{"name": "x-tenant", "value": headers["x-tenant"]}],
    }
    return Example([], match, "GET", f"https://app.example.com/shared/{n}/home", headers)


KINDS: tuple[Callable[[int], Example], ...] = (_exact, _prefix, _regex, _wildcard, _header)


def example(n: int) -> Example:
    return KINDS[n % len(KINDS)](n)


def policy_value(routes: int) -> JsonObject:
    """Return `routes.yaml` as a plain value, with `routes` routes called `route-<n>`."""
    variants = {
        f"production-{region}": {"binding": f"P_{region.upper()}", "pool": "production"}
        | {"region": region}
        for region in REGIONS
    }
    return {
        "version": 1,
        "variants": {**variants, "canary": {"binding": "CANARY", "pool": "canary"}},
        "regions": {
            region: {"continents": [continent], "fallback": [r for r in REGIONS if r != region]}
            for region, continent in REGIONS.items()
        },
        "default_region": "us",
        "routes": [_route(n) for n in range(routes)],
    }


def _route(n: int) -> JsonObject:
    matches = example(n)
    route: JsonObject = {"name": f"route-{n}", "hostnames": matches.hostnames}
    return route | {
        "matches": [matches.match],
        "split": dict(SPLIT),
        "sticky": list(STICKY),
        "timeouts": {"request": "30s"},
    }


def compiled(routes: int) -> CompiledPolicy:
    return CompiledPolicy(tables(routes))


def tables(routes: int) -> PolicyTables:
    """Return the compiled policy, without YAML, which is measured elsewhere."""
    return compile_policy(Policy.model_validate(policy_value(routes)), f"{routes} routes")
