"""Forwarding: out of the cache, or to a variant, with copies for the mirrors.

What only some routes need (cache, mirrors, a guarded body) costs the others a look at an
attribute.
"""

from __future__ import annotations

from policies.decisions.authenticate import Identity
from policies.decisions.changes import Changes
from policies.decisions.decide import Forward
from policies.decisions.headers import response_headers, set_cookie
from policies.decisions.match import Rule
from policies.decisions.outgoing import answer_changes
from policies.decisions.policy import Variant
from router.edge import cache
from router.edge.answers import problem_answer
from router.edge.attempts import attempts
from router.edge.bridge import JsObject, answer_with, now_ms
from router.edge.errand import Errand
from router.edge.exchange import Exchange
from router.edge.forward import Failure
from router.edge.isolate import log
from router.edge.turn import timeout_ms


def forward(exchange: Exchange, rule: Rule, choice: Forward, identity: Identity | None) -> JsObject:
    """The answer of a variant, as the client gets it."""
    route = choice.route
    metrics, variant = exchange.isolate.metrics, choice.candidates[0]
    if choice.panic:
        metrics.panics[(route.name,)] += 1
    errand = Errand(exchange, rule, choice, identity)
    sent = errand.outgoing(variant, 1)
    changes = _changes(exchange, choice, variant)
    entry = cache.entry_of(exchange, route, variant, sent) if route.cache else None
    found = cache.look_up(exchange, route, entry) if entry else None
    if entry and found:
        if found.state == "STALE":
            cache.refresh(exchange, entry, variant, sent, timeout_ms(route))
        return cache.give(exchange, route, found, changes)
    if choice.trial:
        exchange.isolate.health.begin_trial(variant.name, exchange.now_ms)
    done = attempts(errand, sent)
    variant, answer = done.variant, done.answer
    if isinstance(answer, Failure):
        return _failed(exchange, choice, variant, answer)
    metrics.requests[route.name, variant.name, done.status] += 1
    if done.number > 1:
        changes = _changes(exchange, choice, variant)
    if choice.panic and done.status == 503 and not answer.headers.has("retry-after"):
        changes.set["retry-after"] = str(_retry_after_s(exchange))
    if entry:
        changes.set["x-cache"] = "MISS"
    if entry and done.number == 1:  # the entry's key has the first variant's pool
        answer = cache.keep_answer(exchange, entry, variant, answer)
    part = choice.steered.part(variant.pool) if choice.steered else "-"
    blamed = variant.name, done.began_ms, part
    return answer_with(answer, changes, exchange.incoming, blamed)


def _changes(exchange: Exchange, choice: Forward, variant: Variant) -> Changes:
    """What becomes of the headers of the answer of `variant`."""
    trace, route = exchange.trace, choice.route
    changes = answer_changes(trace, route, variant, exchange.policy.identify)
    if exchange.told:
        changes.set.update(exchange.told)
    if choice.new_cookie:
        secure = exchange.request.target.scheme == "https"
        sealing = exchange.isolate.sealing(exchange.env, exchange.now_ms)
        value = sealing.sealed(choice.new_cookie, choice.key)
        cookie = set_cookie(choice.new_cookie, value, secure)
        changes = changes.then(Changes([], {}, [("set-cookie", cookie)]))
    return changes


def _failed(exchange: Exchange, choice: Forward, variant: Variant, failure: Failure) -> JsObject:
    problem, trace, route = failure.problem, exchange.trace, choice.route
    if choice.panic and problem.status >= 500:  # what became of this request is its answer
        problem = problem.after(_retry_after_s(exchange))
    exchange.isolate.metrics.requests[route.name, variant.name, problem.status] += 1
    if problem.status >= 500:  # the rest is the client's, who can send any number of them
        told = {"route": route.name, "variant": variant.name, "request_id": trace.request_id}
        log(failure.problem.code, told | {"reason": failure.reason})
    named = response_headers(trace, route, variant, exchange.policy.identify)
    return problem_answer(problem, trace, named | exchange.told)


def _retry_after_s(exchange: Exchange) -> int:
    return exchange.isolate.health.retry_after_s(exchange.policy, now_ms())
