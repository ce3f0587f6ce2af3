"""Checks that concern several values of a route, or several routes; see `check.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic_core import PydanticCustomError

from policies.language.check.filters import NOT_TO_ANSWER, NOT_TO_SEND, key_headers
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import (
    Found,
    KeyOf,
    list_in,
    mapping_in,
    pools_in,
    repeated_names,
    routes_of,
    served_pools,
    unknown,
)
from policies.language.model.policy import DEFAULT_REQUEST_TIMEOUT_MS
from policies.language.values.values import read_duration

MAX_RULES = 100_000  # alternatives times hostnames, in all routes together
DEFAULT_REQUEST_TIMEOUT = f"{DEFAULT_REQUEST_TIMEOUT_MS}ms"
# The only one of the router's own headers that clients may send.
OVERRIDE_HEADER = "x-router-override"
# Headers that variants or intermediaries use; an override header is removed from the request.
_NOT_TO_PICK = re.compile(
    r"accept(-.*)?|access-control-.*|cache-control|cdn-.*|cf-.*|client-ip|content-.*|cookie|date"
    r"|expect|idempotency-key|if-.*|origin|proxy-.*|range|referer|sec-.*|true-client-ip"
    r"|user-agent|via|x-(client-ip|cluster-client-ip|forwarded-.*|original-.*|real-ip)"
    r"|x-rewrite-url",
    re.IGNORECASE,
)


def _route_names(policy: object) -> Iterator[Found]:
    return repeated_names(policy, "routes", "duplicate-route")


def _route_actions(policy: object) -> Iterator[Found]:
    for index, route in routes_of(policy):
        redirects = "redirect" in mapping_in(route, "filters")
        if "respond" not in route and "split" not in route and not redirects:
            hint = "add `split` (pool: weight) to forward, `respond` to answer at the edge, or "
            hint += "`filters` with a `redirect`"
            message = "the route neither forwards nor answers"
            yield "route-without-action", ("routes", index), message, hint


def _splits(policy: object) -> Iterator[Found]:
    served = served_pools(policy)
    for index, route in routes_of(policy):
        split = mapping_in(route, "split")
        path: Path = ("routes", index, "split")
        pools = pools_in(split)
        for pool in pools:
            yield from unknown("pool", pool, served, (*path, KeyOf(pool)))
        shares = [split[pool] for pool in pools]
        weights = [share.get("weight", 1) if isinstance(share, dict) else share for share in shares]
        if "split" in route and isinstance(route["split"], dict) and not any(weights):
            hint = "give at least one pool a weight above 0"
            yield "split-without-weight", path, "no pool of the split gets any request", hint


def _timeouts(policy: object) -> Iterator[Found]:
    for index, route in routes_of(policy):
        timeouts = mapping_in(route, "timeouts")
        try:
            whole = read_duration(timeouts.get("request", DEFAULT_REQUEST_TIMEOUT))
            attempt_ms = read_duration(timeouts.get("backend_request"))
        except PydanticCustomError:
            continue
        if whole and attempt_ms > whole:
            path: Path = ("routes", index, "timeouts", "backend_request")
            message = "one attempt may take longer than all attempts together (`request`)"
            yield "timeout-order", path, message, "make it at most `request`"


def _hedges(policy: object) -> Iterator[Found]:
    """A hedged request goes to another variant, so there must be one."""
    variants = mapping_in(policy, "variants").values()
    pools = [variant.get("pool") for variant in variants if isinstance(variant, dict)]
    for index, route in routes_of(policy):
        split = pools_in(mapping_in(route, "split"))
        if "hedge" not in mapping_in(route, "failover") or not split:
            continue
        chains = [{pool, *_fallbacks(policy, pool, split[0])} for pool in split]
        if all(sum(pools.count(pool) for pool in chain) < 2 for chain in chains):
            path: Path = ("routes", index, "failover", "hedge")
            hint = "leave it out, or add a variant or a fallback"
            yield "unused-field", path, "no pool of the split has a second variant", hint


def _fallbacks(policy: object, pool: str, first: str) -> list[str]:
    stated = mapping_in(mapping_in(policy, "pools"), pool)
    if "fallback" not in stated:
        return [first]
    return [name for name in list_in(stated, "fallback") if isinstance(name, str)]


def _responds(policy: object) -> Iterator[Found]:
    for index, route in routes_of(policy):
        respond = mapping_in(route, "respond")
        if respond.get("status") in (204, 205, 304) and respond.get("body"):
            path: Path = ("routes", index, "respond", "body")
            message = f"a response with status {respond['status']} has no body (RFC 9110)"
            yield "body-not-allowed", path, message, "leave out `body`, or use another status"
        for at, header in enumerate(list_in(respond, "headers")):
            name = header.get("name") if isinstance(header, dict) else None
            if isinstance(name, str) and NOT_TO_ANSWER.fullmatch(name):
                path = ("routes", index, "respond", "headers", at, "name")
                message = f"`{shown(name)}` is set by the runtime or by the router"
                yield "bad-header", path, message, "leave it out"


def _cookies(policy: object) -> Iterator[Found]:
    for index, route in routes_of(policy):
        sources = enumerate(list_in(route, "sticky"))
        setting = [
            at for at, source in sources if isinstance(source, dict) and source.get("set") is True
        ]
        for at in setting[1:]:
            message = (
                f"sticky[{setting[0]}] sets a cookie already, and only one cookie is set per client"
            )
            path: Path = ("routes", index, "sticky", at, KeyOf("set"))
            yield "unused-field", path, message, "leave it out"


def _overrides(policy: object) -> Iterator[Found]:
    for index, route in routes_of(policy):
        name = route.get("override")
        path: Path = ("routes", index, "override")
        if not isinstance(name, str) or name.lower() == OVERRIDE_HEADER:
            continue
        hint = f"use another name, such as `{OVERRIDE_HEADER}`"
        if name.lower() in key_headers(policy):
            yield "bad-header", path, f"`{shown(name)}` carries the API keys", hint
        elif NOT_TO_SEND.fullmatch(name) or _NOT_TO_PICK.fullmatch(name):
            yield "bad-header", path, f"`{shown(name)}` has another meaning in HTTP", hint


def _conditions(policy: object) -> Iterator[Found]:
    for path, match in _matches(policy):
        for kind in ("headers", "query_params"):
            seen: set[str] = set()
            for at, condition in enumerate(list_in(match, kind)):
                name = condition.get("name") if isinstance(condition, dict) else None
                if isinstance(name, str):
                    name = name.lower() if kind == "headers" else name
                    if name in seen:
                        message = (
                            f"there is another condition for `{shown(name)}`; only one is allowed"
                        )
                        hint = "keep one; a regular expression can combine several"
                        yield "unused-field", (*path, kind, at, KeyOf("name")), message, hint
                    seen.add(name)


def _slashes(policy: object) -> Iterator[Found]:
    if not isinstance(policy, dict) or policy.get("merge_slashes") is not True:
        return
    for path, match in _matches(policy):
        for kind in ("exact", "prefix"):
            text = mapping_in(match, "path").get(kind)
            if isinstance(text, str) and "//" in text:
                message = "with `merge_slashes: true`, no path has repeated slashes"
                yield "bad-path", (*path, "path", kind), message, "write one slash"


def _matches(policy: object) -> Iterator[tuple[Path, dict[str, object]]]:
    for index, route in routes_of(policy):
        for at, match in enumerate(list_in(route, "matches")):
            if isinstance(match, dict):
                yield ("routes", index, "matches", at), match


def _number(policy: object) -> Iterator[Found]:
    """The number of rules is limited: each alternative is one for each hostname."""
    number = 0
    for index, route in routes_of(policy):
        hostnames, matches = (len(list_in(route, name)) or 1 for name in ("hostnames", "matches"))
        number += hostnames * matches
        if number > MAX_RULES:
            message = (
                f"up to this route, there are more than {MAX_RULES:,} pairs of hostname and match"
            )
            hint = "use a wildcard, or leave out `hostnames`"
            yield "out-of-range", ("routes", index), message, hint
            return


ROUTE_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (
    _route_names,
    _route_actions,
    _splits,
    _timeouts,
    _hedges,
    _responds,
    _cookies,
    _overrides,
    _conditions,
    _slashes,
    _number,
)
