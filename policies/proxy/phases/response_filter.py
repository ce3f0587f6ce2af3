"""Phase 4: what the client gets: a variant's answer, a kept one, or the router's own.

Every answer carries the request's id. What the route's `cors` says comes last, on whatever
answers, but for preflights, whose answer it is.
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
    """The answer of `variant`, whose attempt began then. `more`: headers that it gains."""
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
    """What becomes of the headers of the answer of `variant`, but for `cors`."""
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
    """A problem as the client gets it; `variant`: whose fault it is."""
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
    """An answer that the policy gives."""
    headers = fixed_headers(fixed, context.trace, context.policy.identify)
    headers += context.limit_headers.items()
    answer = Respond(fixed.answer.status, headers, fixed.answer.body)
    return answer if fixed.step == "preflight" else own_answer(context, answer)


def own_answer(context: RequestContext, answer: Respond) -> Respond:
    """An answer that is not a variant's, with what `cors` makes of it."""
    cors = context.route.cors if context.route else None
    if cors is None:
        return answer
    headers: Pairs = cors.changes(context.arrived.headers).on(answer.headers)
    return answer._replace(headers=headers)
