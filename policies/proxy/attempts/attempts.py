"""The attempts at one request, until a response can be used.

A first attempt costs no more than without failover: whether there can be another one is decided
when it has failed, except for requests with a body, which must be kept before.
"""

from __future__ import annotations

from policies.compiled.model import Route
from policies.proxy.attempts.hedging import hedge_variant, hedged
from policies.proxy.attempts.outcomes import UPLOAD_BROKEN, UPLOAD_LATE, Outcome, record_outcome
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

_UNREAD = {"broken": UPLOAD_BROKEN, "late": UPLOAD_LATE}
MAX_REST_MS = 60_000  # the longest wait for a variant's `Retry-After`


def attempts(context: RequestContext, sent: Outgoing, *, wants_head: bool) -> Way[Outcome]:
    """Return the outcome of the last attempt. `sent`: the first attempt, to the first candidate;
    `wants_head`: the headers of the response must be seen before the client gets it."""
    state, choice, arrived = context.state, context.choice, context.arrived
    route, first = choice.route, choice.candidates[0]
    state.retries[route.name].request(arrived.now_ms)
    began, limit, kept_body, tries = arrived.now_ms, timeout_ms(route), False, None
    if is_prepared(context):
        tries = yield from prepare(context, limit)
        kept_body = tries.kept_body
        if tries.kept:
            began, body = tries.kept
            if failure := _UNREAD.get(body):
                return Outcome(first, failure, failure.problem.status, 1, began, Came(began, 0))
            limit = left_ms(route, began - arrived.now_ms)
    attempt = Attempt(first, 1, sent, kept_body, limit, began, wants_head)
    may_hedge = (route.failover.hedge or choice.is_probe_request) and not kept_body
    second = hedge_variant(context) if may_hedge else None
    if second:
        outcome: Outcome = yield from hedged(context, attempt, second)
    else:
        what = send(context, attempt)
        came: Came = _seen(context, tries, (yield what))
        outcome = record_outcome(context, first, 1, began, what, came)
    if outcome.is_done:
        return outcome
    return (yield from _others(context, tries or tries_of(context), outcome, wants_head))


def _others(
    context: RequestContext, tries: Tries, outcome: Outcome, wants_head: bool
) -> Way[Outcome]:
    """Make the attempts after the first, as long as the policy wants them."""
    state, route = context.state, context.choice.route
    rests: dict[str, float] = {}  # variants with `Retry-After`, and until when
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
        came: Came = _seen(context, tries, (yield what))
        outcome = record_outcome(context, following, number, now, what, came)
    return outcome


def _seen(context: RequestContext, tries: Tries | None, came: Came) -> Came:
    """A variant is not too late if the body, read before, took more than half of the time."""
    if came.error != "TimeoutError" or tries is None or tries.kept is None:
        return came
    read_ms = tries.kept[0] - context.arrived.now_ms
    is_slow = read_ms * 2 > timeout_ms(context.choice.route)
    return came._replace(error="UploadLate") if is_slow else came


def _is_refused(terms: RetryPolicy, tries: Tries, outcome: Outcome) -> bool:
    """Return whether another attempt is wanted, and does no harm."""
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
    """Wait before the attempt of that number, and until its variant may be asked again. Returns its
    time limit (0: none) and the time; None if there may be no attempt."""
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
