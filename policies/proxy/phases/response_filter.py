"""Phase 4: the response for the client: of a variant, of the cache, or of the router itself.

Every response has the request's id. The route's `cors` is applied last, to all responses except
preflights, which it answers itself.
"""

from __future__ import annotations

from policies.balancing.choose import Fixed
from policies.compiled.model import Variant
from policies.http.changes import Changes, Pairs
from policies.http.problems import CONTENT_TYPE, Problem
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Attribution, Carry, Keep, Respond
from policies.proxy.phases.headers import fixed_headers, response_headers, set_cookie
from policies.proxy.phases.outgoing import answer_changes


def carried(
    context: RequestContext,
    variant: Variant,
    began_ms: float,
    more: dict[str, str] | None = None,
    keep: Keep | None = None,
) -> Carry:
    """Return how the response of `variant` is passed on. `began_ms`: the start of the attempt;
    `more`: headers that are added."""
    choice = context.choice
    changes = changes_of(context, variant)
    if more:
        changes.set.update(more)
    cors = context.route.cors if context.route else None
    if cors:
        changes = changes.then(cors.changes(context.arrived.headers))
    part = choice.rollout_override.part(variant.pool) if choice.rollout_override else "-"
    return Carry(changes, Attribution(variant.name, began_ms, part), keep)


def changes_of(context: RequestContext, variant: Variant) -> Changes:
    """Return the changes of the response of `variant`, without `cors`."""
    choice = context.choice
    changes = answer_changes(context.trace, choice.route, variant, context.policy.identify)
    if context.limit_headers:
        changes.set.update(context.limit_headers)
    source = choice.new_cookie
    if source:
        secure = context.request.target.scheme == "https"
        value = context.sealing.sealed(source, choice.key)
        cookie = set_cookie(source, value, secure)
        changes = changes.then(Changes([], {}, [("set-cookie", cookie)]))
    return changes


def problem_answer(
    context: RequestContext, problem: Problem, variant: Variant | None = None
) -> Respond:
    """Return the response for a problem. `variant`: the one that caused it."""
    trace, route = context.trace, context.route
    more: dict[str, str] = {}
    if variant and route:
        more = response_headers(trace, route, variant, context.policy.identify)
    more = more | context.limit_headers
    headers = [("content-type", CONTENT_TYPE), ("x-request-id", trace.request_id)]
    headers += problem.headers
    headers += [pair for pair in more.items() if pair[0] != "x-request-id"]
    return own_answer(context, Respond(problem.status, headers, problem.body(trace.request_id)))


def fixed_answer(context: RequestContext, fixed: Fixed) -> Respond:
    """Return a response of the policy."""
    headers = fixed_headers(fixed, context.trace, context.policy.identify)
    headers += context.limit_headers.items()
    answer = Respond(fixed.answer.status, headers, fixed.answer.body)
    return answer if fixed.step == "preflight" else own_answer(context, answer)


def own_answer(context: RequestContext, answer: Respond) -> Respond:
    """Return a response of the router itself, with the headers of `cors`."""
    cors = context.route.cors if context.route else None
    if cors is None:
        return answer
    headers: Pairs = cors.changes(context.arrived.headers).on(answer.headers)
    return answer._replace(headers=headers)
