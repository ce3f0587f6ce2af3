"""A request as a variant gets it, and the changes of that variant's response."""

from __future__ import annotations

from typing import NamedTuple

from policies.access.authenticate import Identity
from policies.compiled.model import Route, Variant
from policies.http.changes import Changes
from policies.http.request import Request
from policies.http.url import RequestTarget
from policies.proxy.phases.headers import Trace, header_changes, response_headers
from policies.routing.match import Rule


class Outgoing(NamedTuple):
    """`target`: the URL for the variant; `changes`: those of the request's headers."""

    target: RequestTarget
    changes: Changes


def outgoing(
    request: Request,
    rule: Rule,
    route: Route,
    variant: Variant,
    trace: Trace,
    attempt: int,
    identity: Identity | None,
) -> Outgoing:
    """Return attempt number `attempt` (from 1) at `variant`, through the filters of its pool."""
    changes = header_changes(request, route, variant, trace, attempt, identity)
    plan = route.plan_for(variant.pool) if route.plans else route.plan
    if plan is None:
        return Outgoing(request.target, changes)
    target = plan.target(request.target, rule.taken)
    if plan.host and not variant.url:  # whose URL has its own host
        changes.set["host"] = target.authority  # as the URL has it
    return Outgoing(target, plan.request_changes(changes, request.headers))


def at_upstream(variant: Variant, target: RequestTarget) -> RequestTarget:
    """Return `target` as `variant` gets it: a variant with a URL has a host of its own, and its
    URL's path comes before each path."""
    if not variant.url:
        return target
    origin, slash, base = variant.url.partition("://")[2].partition("/")
    scheme = variant.url.partition("://")[0]
    path = f"{slash}{base}{target.path}"
    return target._replace(scheme=scheme, origin=f"{scheme}://{origin}", host=origin, path=path)


def answer_changes(trace: Trace, route: Route, variant: Variant, identify: bool) -> Changes:
    """Return the changes of the headers of the variant's response."""
    own = Changes([], response_headers(trace, route, variant, identify), [])
    plan = route.plan_for(variant.pool) if route.plans else route.plan
    return plan.response.then(own) if plan and plan.response else own
