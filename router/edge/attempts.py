"""The attempts at one request, until an answer can be taken.

The first attempt costs nothing more than without failover: whether there could be another
is looked at when it has failed, but for requests with a body, which must be kept before.
"""

from __future__ import annotations

from policies.decisions.failover import Terms, backoff_ms
from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import Route
from router.edge.bridge import again, discard, now_ms, pause
from router.edge.errand import Errand
from router.edge.exchange import Exchange
from router.edge.forward import Failure
from router.edge.hedge import hedge_variant, hedged
from router.edge.judging import Done
from router.edge.plan import Plan, planned
from router.edge.turn import Turn, left_ms, take, timeout_ms

MAX_REST_MS = 60_000  # nobody is kept waiting for longer because a variant wants to rest


def attempts(errand: Errand, sent: Outgoing) -> Done:
    """What the last of them came to; `sent` is the first, to the first candidate."""
    exchange, route, isolate = errand.exchange, errand.route, errand.exchange.isolate
    isolate.retries[route.name].request(exchange.now_ms)
    first, plan = errand.choice.candidates[0], planned(errand)
    if isinstance(plan, Failure):
        return Done(first, plan, plan.problem.status, 1, exchange.now_ms)
    upload = None if plan.source is None else again(plan.source)
    turn = Turn(first, 1, sent, upload, timeout_ms(route), exchange.now_ms)
    may_hedge = (route.failover.hedge or errand.choice.trial) and plan.source is None
    second = hedge_variant(errand) if may_hedge else None
    done = hedged(errand, turn, second) if second else take(errand, turn)
    rests: dict[str, float] = {}  # variants that want one, and until when
    while done.number < len(plan.tries) and _is_refused(route.failover, plan, done):
        if plan.source is not None:
            upload = again(plan.source)
            if upload is None:
                break  # too much of it has gone by
        rests[done.variant.name] = done.rest_until_ms
        following, number = plan.tries[done.number], done.number + 1
        left = _wait(exchange, route, number, rests.get(following.name, 0.0))
        if left is None:
            break
        isolate.metrics.retries[route.name, done.variant.name] += 1
        if not isinstance(done.answer, Failure):
            discard(done.answer.body)
        sent = errand.outgoing(following, number)
        done = take(errand, Turn(following, number, sent, upload, left, now_ms()))
    return done


def _is_refused(terms: Terms, plan: Plan, done: Done) -> bool:
    """Whether another attempt is wanted, and does no harm."""
    answer = done.answer
    unsent = isinstance(answer, Failure) and not answer.reached
    if not plan.repeatable and not unsent:
        return False
    if done.hide:
        return True
    if not isinstance(answer, Failure):
        return done.status in terms.codes
    if answer.problem.code == "variant-timeout":
        return terms.timeout
    return terms.connect and done.status == 502


def _wait(exchange: Exchange, route: Route, number: int, rest_until_ms: float) -> int | None:
    """Wait until the attempt of that number, and until its variant has had its rest; how
    long it may take then (0: any time), None if it may not be."""
    terms, isolate, now = route.failover, exchange.isolate, now_ms()
    rest = max(0.0, rest_until_ms - now)
    wait = max(backoff_ms(terms, number, isolate.chance), rest)
    spent = now - exchange.now_ms + wait
    if rest > MAX_REST_MS or (route.request_ms and spent >= route.request_ms):
        return None
    if not isolate.retries[route.name].take(terms.budget, now):
        return None
    if wait >= 1:
        pause(wait)
    return left_ms(route, spent)
