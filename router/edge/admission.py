"""Who may pass: rate limits and API keys, in the order that keeps guessing limited.

Limits by address, header and route come before the key, limits by key after it.
"""

from __future__ import annotations

from policies.decisions.authenticate import Denied, Identity, authenticate
from policies.decisions.policy import Route
from policies.decisions.problems import Problem
from router.edge.exchange import Exchange
from router.edge.isolate import log
from router.edge.rate_limits import Limiting


def admit(exchange: Exchange, route: Route) -> Identity | Problem | None:
    """Who asks, if the route wants to know; or why the request may not pass."""
    limits, limiting = route.rate_limits, None
    if limits:
        limiting = _limiting(exchange, route)
        problem = limiting.charge(limits.before)
        exchange.told.update(limiting.headers)
        if problem:
            return problem
    identity = _identify(exchange, route) if route.needs else None
    if isinstance(identity, Problem):
        return identity
    if limits and limiting and limits.after:
        problem = limiting.charge(limits.after, identity)
        exchange.told.update(limiting.headers)
        if problem:
            return problem
    return identity


def _limiting(exchange: Exchange, route: Route) -> Limiting:
    limits, request = exchange.isolate.limits, exchange.request
    return Limiting(limits, request, route.name, exchange.env, exchange.ctx)


def pepper_of(exchange: Exchange) -> bytes:
    """The secret that keys are hashed with, if the policy has such keys."""
    needs = exchange.policy.keys.needs_pepper
    return exchange.isolate.pepper(exchange.env) if needs else b""


def _identify(exchange: Exchange, route: Route) -> Identity | Problem | None:
    if route.needs is None:
        return None
    isolate, keys = exchange.isolate, exchange.policy.keys
    pepper, headers = pepper_of(exchange), exchange.request.headers
    found = authenticate(keys, route.needs, headers, exchange.now_ms, pepper)
    if not isinstance(found, Denied):
        return found
    isolate.metrics.denials[route.name, found.reason] += 1
    if found.key_id:  # not for what anybody can send in any number
        told = {"request_id": exchange.trace.request_id, "route": route.name}
        log("key-denied", told | {"key_id": found.key_id, "reason": found.reason})
    return found.problem
