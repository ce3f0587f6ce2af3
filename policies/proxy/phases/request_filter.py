"""Phase 1: whether the request may pass, or the router answers itself.

Sizes, the one spelling of the URL, the router's own pages, preflights, the match, redirects, rate
limits, the API key, fixed responses. Limits by address, header and route are charged before the key
is checked, so that guessing keys is limited; limits by key after it.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.access.authenticate import Denied, authenticate
from policies.access.rate_limits import Limit
from policies.balancing.choose import Fixed, answer_preflight, find_rule, read_target
from policies.compiled.model import Route
from policies.http.limits import head_problem, size_problem
from policies.http.loops import HOPS, loop_problem
from policies.http.problems import Problem
from policies.http.request import Request
from policies.http.url import OWN
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Charge, Charged, Own, Way
from policies.routing.match import Rule

Refusal = Fixed | Problem


def read_request(context: RequestContext) -> Refusal | Own | None:
    """Set `context.request`. Returns why the request cannot be matched; None if it can."""
    arrived, policy = context.arrived, context.policy
    context.step = "limits"
    too_large = head_problem(policy.limits, arrived.url, arrived.headers, arrived.size)
    if too_large:
        return too_large
    context.step = "normalise"
    target = read_target(policy, arrived.url, arrived.headers)
    if isinstance(target, Problem):
        return target
    context.request = Request(
        arrived.method, target, arrived.headers, arrived.client, arrived.claims
    )
    return Own() if target.path.startswith(OWN) and target.is_own else None


def request_filter(context: RequestContext) -> Refusal | None:
    """Set `context.rule`. Returns the response, if the router answers itself. `admit` authenticates
    clients on routes that require it."""
    policy, request = context.policy, context.request
    preflight = answer_preflight(policy, request) if policy.has_cors else None
    if preflight:
        _matched(context, preflight[0])
        return preflight[1]
    if HOPS in request.headers and (looping := loop_problem(request.headers)):
        return looping
    context.step = "match"
    rule = find_rule(policy, request)
    if isinstance(rule, Problem):
        return rule
    route = _matched(context, rule)
    context.step = "limits"
    sizes, url = route.sizes, request.target.sent
    if sizes.body is not None or len(url) > sizes.url:
        too_large = size_problem(sizes, url, request.headers)
        if too_large:
            return too_large
    if route.redirect:
        moved = route.redirect.answer(request.target, rule.taken)
        return Fixed(route, moved, "redirect")
    return None


def _matched(context: RequestContext, rule: Rule) -> Route:
    context.rule = rule
    context.route = route = context.policy.routes[rule.route]
    return route


def admit(context: RequestContext, route: Route) -> Way[Problem | None]:
    """Set the identity, on routes with authentication. Returns why the request may not pass; None
    if it may."""
    limits = route.rate_limits
    if limits:
        refused = yield from _charge(context, limits.before)
        if refused:
            return refused
    refused = _authenticate(context, route) if route.needs else None
    if refused:
        return refused
    return (yield from _charge(context, limits.after)) if limits and limits.after else None


def _charge(context: RequestContext, limits: Sequence[Limit]) -> Way[Problem | None]:
    charged: Charged = yield Charge(limits, context.identity)
    context.step = "limits"
    context.limit_headers.update(charged.headers)
    return charged.problem


def _authenticate(context: RequestContext, route: Route) -> Problem | None:
    if route.needs is None:
        return None
    state, policy, now = context.state, context.policy, context.arrived.now_ms
    context.step = "authenticate"
    found = authenticate(policy.keys, route.needs, context.request.headers, now, state.pepper)
    context.admitted = found
    if not isinstance(found, Denied):
        context.identity = found
        return None
    state.count("denials", route.name, found.reason)
    if found.key_id:  # unknown keys may come in any number
        fields = {"request_id": context.trace.request_id, "route": route.name}
        state.log("key-denied", fields | {"key_id": found.key_id, "reason": found.reason})
    return found.problem
