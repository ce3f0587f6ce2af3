"""The attempts at one request, until an answer can be taken.

The first attempt costs nothing more than without failover: whether there could be another
is looked at when it has failed, but for requests with a body, which must be kept before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.decisions.authenticate import Identity
from policies.decisions.decide import Forward
from policies.decisions.failover import Terms, backoff_ms, keeping, may_repeat, plan
from policies.decisions.match import Rule
from policies.decisions.outgoing import Outgoing, outgoing
from policies.decisions.policy import Route, Variant
from router.edge.bridge import (
    JsObject,
    Sending,
    again,
    arriving,
    discard,
    has_body,
    kept,
    now_ms,
    pause,
)
from router.edge.exchange import Exchange
from router.edge.forward import Failure, attempt, upload_broken
from router.edge.injection import fault_on
from router.edge.mirror import mirror

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Done(NamedTuple):
    """What the last attempt came to, at which variant, its number (from 1), and when it
    began. `hide`: it failed where that was to be expected, so that the client had better
    not see it."""

    variant: Variant
    answer: JsObject | Failure
    status: int
    number: int
    began_ms: float
    hide: bool


class Plan(NamedTuple):
    """Whom to try, in order. `repeatable`: also when the request may have reached somebody.
    `source`: its body, if that is kept; attempts take it from there."""

    tries: Sequence[Variant]
    repeatable: bool
    source: JsObject | None


def attempts(
    exchange: Exchange, rule: Rule, choice: Forward, identity: Identity | None, sent: Outgoing
) -> Done:
    """`sent` is the first of them, to the first candidate."""
    route, isolate = choice.route, exchange.isolate
    isolate.retries[route.name].request(exchange.now_ms)
    planned = _plan(exchange, rule, choice, identity)
    if isinstance(planned, Failure):
        return Done(
            choice.candidates[0], planned, planned.problem.status, 1, exchange.now_ms, False
        )
    tries, _, source = planned
    upload = None if source is None else again(source)
    timeout, began = timeout_ms(route), exchange.now_ms
    for number, variant in enumerate(tries, 1):
        limit, url = route.sizes.body, exchange.respelled(sent)
        one = exchange.incoming
        drill = fault_on(isolate, variant) if isolate.coordinating.drills else None
        what = Sending(variant.binding, one, url, sent.changes, timeout, limit, upload, drill)
        answer = attempt(exchange.env, what)
        status = answer.problem.status if isinstance(answer, Failure) else answer.status
        hide = _judge(exchange, variant, answer, status, began)
        done = Done(variant, answer, status, number, began, hide)
        if number == len(tries) or not _is_refused(route.failover, planned, done):
            break
        if source is not None:
            upload = again(source)
            if upload is None:
                break  # too much of it has gone by
        left = _prepare(exchange, route, number + 1)
        if left is None:
            break
        timeout, began = left, now_ms()
        isolate.metrics.retries[route.name, variant.name] += 1
        if not isinstance(answer, Failure):
            discard(answer.body)
        following = tries[number]
        sent = outgoing(
            exchange.request, rule, route, following, exchange.trace, number + 1, identity
        )
    return done


def _judge(
    exchange: Exchange, variant: Variant, answer: JsObject | Failure, status: int, began: float
) -> bool:
    """Tell health what came of an attempt; whether it failed where that was to be expected,
    so that the client had better not see it."""
    health, name = exchange.isolate.health, variant.name
    if status < 500:
        if not isinstance(answer, Failure):
            health.succeeded(name, began)
        return False
    now = now_ms()
    on_probation = health.is_on_probation(name, now)
    reason = answer.problem.code if isinstance(answer, Failure) else f"status {status}"
    health.failed(name, began, now, reason)
    return on_probation


def _plan(
    exchange: Exchange, rule: Rule, choice: Forward, identity: Identity | None
) -> Plan | Failure:
    """How to go about it; a failure if the body was to be read, and could not."""
    route, terms, request = choice.route, choice.route.failover, exchange.request
    tries = plan(terms, choice.candidates)
    repeatable = len(tries) > 1 and may_repeat(terms, request.method, request.headers)
    filters = route.plan_for(choice.candidates[0].pool)
    source = None
    if filters and filters.mirrors:
        source = mirror(exchange, rule, filters, choice, identity)
    if source is not None:
        return Plan(tries, repeatable, source)
    if not repeatable or request.method in BODILESS or not has_body(exchange.incoming):
        return Plan(tries, repeatable, source)
    how = keeping(terms, request.headers)
    if how is None:
        return Plan(tries, False, None)
    if how == "arriving":
        source = arriving(exchange.incoming, route.sizes.body, terms.buffer)
        return Plan(tries, True, source)
    source = kept(exchange.incoming)
    return upload_broken() if source is None else Plan(tries, True, source)


def _is_refused(terms: Terms, planned: Plan, done: Done) -> bool:
    """Whether another attempt is wanted, and does no harm."""
    answer = done.answer
    unsent = isinstance(answer, Failure) and not answer.reached
    if not planned.repeatable and not unsent:
        return False
    if done.hide:
        return True
    if not isinstance(answer, Failure):
        return done.status in terms.codes
    if answer.problem.code == "variant-timeout":
        return terms.timeout
    return terms.connect and done.status == 502


def _prepare(exchange: Exchange, route: Route, number: int) -> int | None:
    """Wait until the `number`th attempt; how long it may take (0: any time), None if it
    may not be."""
    terms, isolate = route.failover, exchange.isolate
    wait = backoff_ms(terms, number, isolate.chance)
    spent = now_ms() - exchange.now_ms + wait
    if route.request_ms and spent >= route.request_ms:
        return None
    if not isolate.retries[route.name].take(terms.budget, now_ms()):
        return None
    if wait >= 1:
        pause(wait)
    if not route.request_ms:
        return route.backend_request_ms
    left = max(1, int(route.request_ms - spent))
    return min(left, route.backend_request_ms) if route.backend_request_ms else left


def timeout_ms(route: Route) -> int:
    """The stricter of the two limits of a first attempt, 0 for none."""
    whole, each = route.request_ms, route.backend_request_ms
    return min(whole, each) if whole and each else whole or each
