"""The attempts at one request, until an answer can be taken.

The first attempt costs nothing more than without failover: whether there could be another is
looked at when it has failed, but for requests with a body, which must be kept before.
"""

from __future__ import annotations

from policies.compiled.model import Route
from policies.proxy.attempts.hedging import hedge_variant, hedged
from policies.proxy.attempts.outcomes import UPLOAD_BROKEN, Outcome, record_outcome
from policies.proxy.attempts.sending import Attempt, left_ms, send, timeout_ms
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Came, Wait, Way
from policies.proxy.phases.outgoing import Outgoing
from policies.proxy.phases.upstream_request_filter import (
    Tries,
    is_prepared,
    prepare,
    tries_of,
    upstream_request_filter,
)
from policies.resilience.failover import RetryPolicy, backoff_ms

MAX_REST_MS = 60_000  # nobody is kept waiting for longer because a variant wants to rest


def attempts(context: RequestContext, sent: Outgoing, *, wants_head: bool) -> Way[Outcome]:
    """What the last of them came to. `sent` is the first, to the first candidate;
    `wants_head`: the headers of its answer are to be seen before the client gets it."""
    state, choice, arrived = context.state, context.choice, context.arrived
    route, first = choice.route, choice.candidates[0]
    state.retries[route.name].request(arrived.now_ms)
    tries: Tries | None = (yield from prepare(context)) if is_prepared(context) else None
    if tries and tries.is_broken:
        failed = Came(arrived.now_ms, 0)
        status = UPLOAD_BROKEN.problem.status
        return Outcome(first, UPLOAD_BROKEN, status, 1, arrived.now_ms, failed)
    kept_body = tries is not None and tries.kept_body
    attempt = Attempt(first, 1, sent, kept_body, timeout_ms(route), arrived.now_ms, wants_head)
    may_hedge = (route.failover.hedge or choice.is_probe_request) and not kept_body
    second = hedge_variant(context) if may_hedge else None
    if second:
        outcome: Outcome = yield from hedged(context, attempt, second)
    else:
        what = send(context, attempt)
        came: Came = yield what
        outcome = record_outcome(context, first, 1, arrived.now_ms, what, came)
    if outcome.is_done:
        return outcome
    return (yield from _others(context, tries or tries_of(context), outcome, wants_head))


def _others(
    context: RequestContext, tries: Tries, outcome: Outcome, wants_head: bool
) -> Way[Outcome]:
    """The attempts after the first, as long as they are wanted."""
    state, route = context.state, context.choice.route
    rests: dict[str, float] = {}  # variants that want one, and until when
    while outcome.made < len(tries.variants) and _is_refused(route.failover, tries, outcome):
        rests[outcome.variant.name] = outcome.rest_until_ms
        following, number = tries.variants[outcome.made], outcome.made + 1
        waited = yield from _wait(
            context, route, number, rests.get(following.name, 0.0), outcome.came.now_ms
        )
        if waited is None:
            break
        left, now = waited
        sent = upstream_request_filter(context, following, number)
        attempt = Attempt(following, number, sent, tries.kept_body, left, now, wants_head)
        state.count("retries", route.name, outcome.variant.name)
        what = send(context, attempt)
        came: Came = yield what
        outcome = record_outcome(context, following, number, now, what, came)
    return outcome


def _is_refused(terms: RetryPolicy, tries: Tries, outcome: Outcome) -> bool:
    """Whether another attempt is wanted, and does no harm."""
    failure = outcome.failure
    if outcome.is_done or outcome.came.is_gone:
        return False
    if not tries.repeatable and not (failure and not failure.reached):
        return False
    if outcome.hide:
        return True
    if failure is None:
        return outcome.status in terms.codes
    if failure.problem.code == "variant-timeout":
        return terms.timeout
    return terms.connect and outcome.status == 502


def _wait(
    context: RequestContext, route: Route, number: int, rest_until_ms: float, now_ms: float
) -> Way[tuple[int, float] | None]:
    """Wait until the attempt of that number, and until its variant has had its rest; how
    long it may take then (0: any time), and the time. None if it may not be."""
    terms, state = route.failover, context.state
    rest = max(0.0, rest_until_ms - now_ms)
    wait = max(backoff_ms(terms, number, context.rng), rest)
    spent = now_ms - context.arrived.now_ms + wait
    if rest > MAX_REST_MS or (route.request_ms and spent >= route.request_ms):
        return None
    if not state.retries[route.name].take(terms.budget, now_ms):
        return None
    if wait >= 1:
        now_ms = yield Wait(wait)
    return left_ms(route, spent), now_ms
