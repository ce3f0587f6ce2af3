"""The attempts at one request, until an answer can be taken.

The first attempt costs nothing more than without failover: whether there could be another
is looked at when it has failed, but for requests with a body, which must be kept before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.decisions.authenticate import Identity
from policies.decisions.decide import Forward
from policies.decisions.failover import Terms, backoff_ms, body_fits, may_repeat, plan
from policies.decisions.match import Rule
from policies.decisions.outgoing import Outgoing, outgoing
from policies.decisions.policy import Route, Variant
from router.edge.bridge import JsObject, Sending, again, discard, has_body, kept, now_ms, pause
from router.edge.exchange import Exchange
from router.edge.forward import Failure, attempt
from router.edge.mirror import mirror

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Done(NamedTuple):
    """What the last attempt came to, at which variant, and its number (from 1)."""

    variant: Variant
    answer: JsObject | Failure
    status: int
    number: int


def attempts(
    exchange: Exchange, rule: Rule, choice: Forward, identity: Identity | None, sent: Outgoing
) -> Done:
    """`sent` is the first of them, to the first candidate."""
    route, request, guarded = choice.route, exchange.request, None
    exchange.isolate.retries[route.name].request(exchange.now_ms)
    filters = route.plan_for(choice.candidates[0].pool)
    if filters and filters.mirrors:
        guarded = mirror(exchange, rule, filters, choice, identity)
    tries, incoming = _tries(exchange, choice, is_guarded=guarded is not None)
    timeout, began = timeout_ms(route), exchange.now_ms
    for number, variant in enumerate(tries, 1):
        if number > 1:
            sent = outgoing(request, rule, route, variant, exchange.trace, number, identity)
            began = now_ms()
        one = incoming if incoming is exchange.incoming else again(incoming)
        limit, url = route.sizes.body, exchange.respelled(sent)
        what = Sending(variant.binding, one, url, sent.changes, timeout, limit, guarded)
        answer = attempt(exchange.env, what)
        status = answer.problem.status if isinstance(answer, Failure) else answer.status
        on_probation = _judge(exchange, variant, answer, status, began)
        if number == len(tries):
            break
        if not on_probation and not _is_refused(route.failover, answer, status):
            break
        left = _prepare(exchange, route, number + 1)
        if left is None:
            break
        timeout = left
        exchange.isolate.metrics.retries[route.name, variant.name] += 1
        if not isinstance(answer, Failure):
            discard(answer.body)
    return Done(variant, answer, status, number)


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


def _tries(
    exchange: Exchange, choice: Forward, *, is_guarded: bool
) -> tuple[Sequence[Variant], JsObject]:
    """Whom to try, and the request for it, whose body is kept if it may be sent again."""
    terms, request, incoming = choice.route.failover, exchange.request, exchange.incoming
    first = choice.candidates[:1]
    if is_guarded or not may_repeat(terms, request.method, request.headers):
        return first, incoming
    tries = plan(terms, choice.candidates)
    if len(tries) == 1 or request.method in BODILESS or not has_body(incoming):
        return tries, incoming
    return (tries, kept(incoming)) if body_fits(terms, request.headers) else (first, incoming)


def _is_refused(terms: Terms, answer: JsObject | Failure, status: int) -> bool:
    """Whether another attempt is wanted."""
    if not isinstance(answer, Failure):
        return status in terms.codes
    if answer.problem.code == "variant-timeout":
        return terms.timeout
    return terms.connect and answer.problem.status == 502


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
