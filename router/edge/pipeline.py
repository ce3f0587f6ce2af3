"""A request's way through the router, from top to bottom.

Sizes, normalise, preflight, match, redirect, admit (limits and key), choose, forward
(through the cache, beside the mirrors), filter the answer: each step hands a value to the
next. Every answer carries the request's id.
"""

from __future__ import annotations

from collections.abc import Mapping

from policies.decisions.authenticate import Identity
from policies.decisions.decide import (
    Fixed,
    Forward,
    answer_preflight,
    choose_picked,
    choose_variants,
    find_rule,
    read_target,
)
from policies.decisions.given import UNSEALED
from policies.decisions.headers import Trace, fixed_headers, trace_of
from policies.decisions.limits import head_problem, size_problem
from policies.decisions.match import Rule
from policies.decisions.pick import pick
from policies.decisions.policy import Route
from policies.decisions.problems import Problem
from policies.decisions.request import Request
from router.edge import admin
from router.edge.admission import admit, pepper_of
from router.edge.answers import problem_answer
from router.edge.bridge import JsObject, amended, new_answer, read
from router.edge.exchange import Exchange
from router.edge.forwarding import forward
from router.edge.isolate import Isolate
from router.edge.page import Page
from router.edge.tallying import tally_copies

NOTHING: Mapping[str, str] = {}


def handle(isolate: Isolate, incoming: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """The answer to `incoming`."""
    arrived = read(incoming)
    policy = isolate.current_policy(arrived.now_ms, env, ctx)
    if arrived.broken:
        isolate.blame(arrived.broken, arrived.now_ms)
    if arrived.copied:
        tally_copies(isolate, arrived.copied)
    if policy.rollouts and isolate.coordinating.must_learn(arrived.now_ms):
        isolate.learn_rollouts(arrived.client.colo, env)
    if arrived.now_ms >= isolate.coordinating.due_ms:
        isolate.coordinate(arrived.now_ms, arrived.client.colo, env, ctx)
    trace = trace_of(arrived.headers, isolate.chance)
    too_large = head_problem(policy.limits, arrived.url, arrived.headers, arrived.size)
    if too_large:
        return _refused(isolate, too_large, trace)
    target = read_target(policy, arrived.url, arrived.headers)
    if isinstance(target, Problem):
        return _refused(isolate, target, trace)
    request = Request(arrived.method, target, arrived.headers, arrived.client)
    if target.is_own:
        return _own(admin.answer(isolate, request, incoming, env), trace)
    exchange = Exchange(isolate, policy, incoming, env, ctx, request, trace, arrived.now_ms, {})
    preflight = answer_preflight(policy, request) if policy.has_cors else None
    if preflight:
        return _fixed(exchange, preflight[1])
    rule = find_rule(policy, request)
    if isinstance(rule, Problem):
        return _refused(isolate, rule, trace)
    route = policy.routes[rule.route]
    answer = _on_route(exchange, rule, route)
    return amended(answer, route.cors.changes(arrived.headers)) if route.cors else answer


def _on_route(exchange: Exchange, rule: Rule, route: Route) -> JsObject:
    """The answer to a request that `rule` took."""
    isolate, request = exchange.isolate, exchange.request
    too_large = size_problem(route.sizes, request.target.sent, request.headers)
    if too_large:
        return _refused(isolate, too_large, exchange.trace, route.name)
    if route.redirect:
        moved = route.redirect.answer(request.target, rule.taken)
        return _fixed(exchange, Fixed(route, moved, "redirect"))
    admitted = admit(exchange, route) if route.needs or route.rate_limits else None
    if isinstance(admitted, Problem):
        return _refused(isolate, admitted, exchange.trace, route.name, exchange.told)
    if route.respond:
        return _fixed(exchange, Fixed(route, route.respond))
    choice = _choice(exchange, route, admitted)
    if isinstance(choice, Problem):
        return _refused(isolate, choice, exchange.trace, route.name, exchange.told)
    return forward(exchange, rule, choice, choice.pick.identity if choice.pick else admitted)


def _choice(exchange: Exchange, route: Route, identity: Identity | None) -> Forward | Problem:
    """To whom the request goes: to whom it says itself, if it may; else as the split, a
    rollout and health have it."""
    isolate, policy, request = exchange.isolate, exchange.policy, exchange.request
    standing = isolate.health.standing(policy, exchange.now_ms)
    sealing = UNSEALED
    if policy.drained and route.sticky:
        sealing = isolate.sealing(exchange.env, exchange.now_ms)
    if route.override and route.override.header in request.headers:
        pepper = pepper_of(exchange)
        picked = pick(policy, route, request, identity, exchange.now_ms, pepper)
        if isinstance(picked, Problem):
            return picked
        if picked:
            return choose_picked(policy, picked, request, isolate.chance, standing, sealing)
    steered = isolate.steered(policy).get(route.name)
    key_id = identity.key.id if identity else ""
    return choose_variants(
        policy, route, request, isolate.chance, standing, steered, key_id, sealing
    )


def _refused(
    isolate: Isolate,
    problem: Problem,
    trace: Trace,
    route: str = "",
    told: Mapping[str, str] = NOTHING,
) -> JsObject:
    isolate.metrics.requests[route, "", problem.status] += 1
    return problem_answer(problem, trace, told)


def _fixed(exchange: Exchange, fixed: Fixed) -> JsObject:
    exchange.isolate.metrics.requests[fixed.route.name, "", fixed.answer.status] += 1
    named = fixed_headers(fixed, exchange.trace, exchange.policy.identify)
    named += exchange.told.items()
    return new_answer(fixed.answer.body, fixed.answer.status, named)


def _own(page: Page | Problem, trace: Trace) -> JsObject:
    if isinstance(page, Problem):
        return problem_answer(page, trace)
    headers = [("content-type", page.content_type), ("cache-control", "no-store")]
    return new_answer(page.body, page.status, [*headers, ("x-request-id", trace.request_id)])
