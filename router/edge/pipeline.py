"""A request's way through the router, from top to bottom.

Each step hands a value to the next: the current policy, the normalised target, the
request, the decision, the variant's answer. Every answer carries the request's id.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.authenticate import Denied, Identity, authenticate
from policies.decisions.decide import Fixed, Forward, choose_variants, find_rule, read_target
from policies.decisions.headers import (
    Trace,
    fixed_headers,
    header_changes,
    response_headers,
    set_cookie,
    trace_of,
)
from policies.decisions.policy import CompiledPolicy, Route
from policies.decisions.problems import CONTENT_TYPE, Problem
from policies.decisions.request import Request
from router.edge import admin
from router.edge.bridge import JsObject, answer_with, new_answer, read
from router.edge.forward import Failure, attempt
from router.edge.isolate import Isolate, log
from router.edge.rate_limits import Limiting

Headers = dict[str, str]
NOTHING: Headers = {}


def handle(isolate: Isolate, incoming: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """The answer to `incoming`."""
    arrived = read(incoming)
    policy = isolate.current_policy(arrived.now_ms, env, ctx)
    trace = trace_of(arrived.headers, isolate.chance)
    target = read_target(policy, arrived.url, arrived.headers)
    if isinstance(target, Problem):
        return _refused(isolate, target, trace)
    request = Request(arrived.method, target, arrived.headers, arrived.client)
    if target.is_own:
        return _own(admin.answer(isolate, request, env), trace)
    rule = find_rule(policy, request)
    if isinstance(rule, Problem):
        return _refused(isolate, rule, trace)
    route = policy.routes[rule.route]
    limiting = None
    if route.limits:
        limiting = Limiting(isolate.limits, request, route.name, env, ctx)
        problem = limiting.charge(route.limits.before)
        if problem:
            return _limited(isolate, route, problem, trace, limiting)
    identity = None
    if route.needs:
        pepper = isolate.pepper(env) if policy.keys.needs_pepper else b""
        admitted = authenticate(policy.keys, route.needs, arrived.headers, arrived.now_ms, pepper)
        if isinstance(admitted, Denied):
            return _denied(isolate, route, admitted, trace, limiting)
        identity = admitted
    if route.limits and limiting:
        problem = limiting.charge(route.limits.after, identity)
        if problem:
            return _limited(isolate, route, problem, trace, limiting)
    told = limiting.headers if limiting else NOTHING
    if route.respond:
        return _fixed(isolate, policy, Fixed(route, route.respond), trace, told)
    choice = choose_variants(policy, route, request, isolate.chance)
    if isinstance(choice, Problem):
        return _refused(isolate, choice, trace, told)
    respelled = None if target.url == arrived.url else target.url
    exchange = Exchange(isolate, incoming, respelled, env, request, trace, identity, told)
    return _forward(exchange, policy, choice)


def _refused(isolate: Isolate, problem: Problem, trace: Trace, told: Headers = NOTHING) -> JsObject:
    isolate.metrics.requests["", "", problem.status] += 1
    return problem_answer(problem, trace, told)


def _limited(
    isolate: Isolate, route: Route, problem: Problem, trace: Trace, limiting: Limiting
) -> JsObject:
    isolate.metrics.requests[route.name, "", problem.status] += 1
    return problem_answer(problem, trace, limiting.headers)


def _denied(
    isolate: Isolate, route: Route, denied: Denied, trace: Trace, limiting: Limiting | None
) -> JsObject:
    status = denied.problem.status
    isolate.metrics.requests[route.name, "", status] += 1
    isolate.metrics.denials[route.name, denied.reason] += 1
    if denied.key_id:  # not for what anybody can send in any number
        told = {"request_id": trace.request_id, "route": route.name, "key_id": denied.key_id}
        log("key-denied", told | {"reason": denied.reason})
    return problem_answer(denied.problem, trace, limiting.headers if limiting else NOTHING)


def _fixed(
    isolate: Isolate, policy: CompiledPolicy, fixed: Fixed, trace: Trace, told: Headers
) -> JsObject:
    isolate.metrics.requests[fixed.route.name, "", fixed.answer.status] += 1
    named = fixed_headers(fixed, trace, policy.identify) + list(told.items())
    return new_answer(fixed.answer.body, fixed.answer.status, named)


class Exchange(NamedTuple):
    """A request with what belongs to this invocation of the Worker; `respelled` is its
    URL if it has to go on with another spelling; `told`: what its answer says of limits."""

    isolate: Isolate
    incoming: JsObject
    respelled: str | None
    env: JsObject
    request: Request
    trace: Trace
    identity: Identity | None
    told: Headers


def _forward(exchange: Exchange, policy: CompiledPolicy, choice: Forward) -> JsObject:
    request, trace, route = exchange.request, exchange.trace, choice.route
    variant = choice.candidates[0]
    changes = header_changes(request, route, variant, trace, 1, exchange.identity)
    timeout_ms = _timeout_ms(route)
    incoming, respelled = exchange.incoming, exchange.respelled
    answer = attempt(exchange.env, variant, incoming, respelled, changes, timeout_ms)
    added = response_headers(trace, route, variant, policy.identify)
    if exchange.told:
        added |= exchange.told
    metrics = exchange.isolate.metrics
    if choice.panic:
        metrics.panics[route.name] += 1
    if isinstance(answer, Failure):
        metrics.requests[route.name, variant.name, answer.problem.status] += 1
        told = {"route": route.name, "variant": variant.name, "request_id": trace.request_id}
        log(answer.problem.code, told | {"reason": answer.reason})
        return problem_answer(answer.problem, trace, added)
    cookie = ""
    if choice.new_cookie:
        cookie = set_cookie(choice.new_cookie, choice.key, request.target.scheme == "https")
    status = answer.status
    metrics.requests[route.name, variant.name, status] += 1
    # An upgraded connection is handed on as it is: its answer cannot be built anew.
    return answer if status == 101 else answer_with(answer, added, cookie)


def _timeout_ms(route: Route) -> int:
    """The stricter of the two limits, 0 for none."""
    whole, each = route.request_ms, route.backend_request_ms
    return min(whole, each) if whole and each else whole or each


def _own(page: admin.Page | Problem, trace: Trace) -> JsObject:
    if isinstance(page, Problem):
        return problem_answer(page, trace)
    headers = [("content-type", page.content_type), ("cache-control", "no-store")]
    return new_answer(page.body, 200, [*headers, ("x-request-id", trace.request_id)])


def problem_answer(problem: Problem, trace: Trace, added: Headers = NOTHING) -> JsObject:
    headers = [("content-type", CONTENT_TYPE), ("x-request-id", trace.request_id)]
    headers += problem.headers
    headers += [pair for pair in added.items() if pair[0] != "x-request-id"]
    return new_answer(problem.body(trace.request_id), problem.status, headers)
