"""What the Gateway API says becomes of a request, slow and obvious, on the objects themselves.

The text of `HTTPRouteSpec.hostnames`, `HTTPRouteRule.matches` and `GatewaySpec.listeners`,
for Gateways whose listeners have one port. What it leaves open is as the router has it: a
regular expression ranks right before the prefix that it begins with, longer ones first, and
of equal age the alphabet decides.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.policies.gateway.making import PATTERNS, Object

Request = dict[str, Any]
Winner = tuple[str, str, int]  # namespace, name, rule


def winner(objects: list[Object], request: Request) -> Winner | None:
    """The rule that takes the request."""
    best: tuple[Any, Winner] | None = None
    listener, given = listener_of(objects, request["host"])
    for each in objects:
        if each["kind"] != "HTTPRoute":
            continue
        host = best_host(each, listener, given, request["host"])
        if host is None:
            continue
        for index, rule in enumerate(each["spec"]["rules"]):
            for match in rule.get("matches") or [{}]:
                rank = match_rank(match, request)
                if rank is not None:
                    key = (host_rank(host), rank, age(each), -index)
                    if best is None or key > best[0]:
                        meta = each["metadata"]
                        best = key, (meta["namespace"], meta["name"], index)
    return best[1] if best else None


def listener_of(objects: list[Object], host: str) -> tuple[Object | None, bool]:
    """The one listener that takes a host, and whether there are listeners at all."""
    gateways = [each for each in objects if each["kind"] == "Gateway"]
    listeners = [listener for each in gateways for listener in each["spec"]["listeners"]]
    taking = [each for each in listeners if takes(each.get("hostname"), host)]
    taking.sort(key=lambda each: host_rank(each.get("hostname")))
    return (taking[-1] if taking else None), bool(gateways)


def best_host(route: Object, listener: Object | None, given: bool, host: str) -> str | None:
    """The hostname by which a route takes a host: "" if it takes all, None if it does not."""
    own = route["spec"].get("hostnames") or [""]
    if given:
        if listener is None or not attaches(route, listener):
            return None
        # What both take is what the more specific one takes.
        theirs = listener.get("hostname") or ""
        own = [max(name, theirs, key=host_rank) for name in own if takes(name, host)]
    return max((name for name in own if takes(name, host)), key=host_rank, default=None)


def attaches(route: Object, listener: Object) -> bool:
    sections = {ref.get("sectionName") for ref in route["spec"]["parentRefs"]}
    allowed = listener["allowedRoutes"]["namespaces"]["from"]
    in_reach = allowed == "All" or route["metadata"]["namespace"] == "infra"
    return in_reach and (None in sections or listener["name"] in sections)


def takes(name: str | None, host: str) -> bool:
    if not name:
        return True
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def host_rank(name: str | None) -> tuple[int, int]:
    name = name or ""
    return (0 if name.startswith("*.") else len(name)), len(name)


def match_rank(match: Object, request: Request) -> tuple[Any, ...] | None:
    """How high a match ranks; None if it does not match."""
    path = match.get("path", {})
    rank = path_rank(path.get("type", "PathPrefix"), path.get("value", "/"), request["path"])
    headers = {each["name"].lower(): each for each in match.get("headers", [])}
    params = {each["name"]: each for each in match.get("queryParams", [])}
    holds = (
        rank is not None
        and match.get("method") in (None, request["method"])
        and all(has(each, request["headers"].get(name)) for name, each in headers.items())
        and all(has(each, request["query"].get(name)) for name, each in params.items())
    )
    return (rank, "method" in match, len(headers), len(params)) if holds else None


def path_rank(kind: str, value: str, path: str) -> tuple[int, ...] | None:
    if kind == "Exact":
        return (2, 0, 0, 0) if path == value else None
    if kind == "RegularExpression":
        beginning = PATTERNS[value]
        return (1, len(beginning), 1, len(value)) if re.fullmatch(value, path) else None
    value = value.removesuffix("/")
    return (1, len(value), 0, 0) if path == value or path.startswith(f"{value}/") else None


def has(condition: Object, found: str | None) -> bool:
    if found is None:
        return False
    if condition.get("type") == "RegularExpression":
        return re.fullmatch(condition["value"], found) is not None
    return found == condition["value"]


def age(route: Object) -> tuple[float, tuple[int, ...]]:
    """The older the larger, then the earlier in the alphabet."""
    meta = route["metadata"]
    created = meta["creationTimestamp"]
    seconds = datetime.fromisoformat(created).timestamp() if created else float("inf")
    return -seconds, tuple(-ord(char) for char in f"{meta['namespace']}/{meta['name']}")


def backends(objects: list[Object], rule: Winner) -> set[tuple[str, int]]:
    """The backends that may get a request of the rule: name and port."""
    namespace, name, index = rule
    for each in objects:
        meta = each["metadata"]
        if each["kind"] == "HTTPRoute" and (meta["namespace"], meta["name"]) == (namespace, name):
            refs = each["spec"]["rules"][index].get("backendRefs", [])
            return {(ref["name"], ref["port"]) for ref in refs if ref.get("weight", 1)}
    raise AssertionError(f"no route {namespace}/{name}")
