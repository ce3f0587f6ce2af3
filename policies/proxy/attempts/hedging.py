"""Hedging: a second attempt beside the first if that is slow. The first good response is used.

The other attempt is aborted, and does not count for health. A route may have hedges; a probe
request of outlier detection, which may well hang, always has one. Hedges are paid from the retry
budget. Their cost is reserved before, since both attempts are one effect.
"""

from __future__ import annotations

from policies.compiled.model import Variant
from policies.proxy.attempts.outcomes import Outcome, count_overtaken, record_outcome
from policies.proxy.attempts.sending import Attempt, left_ms, send
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Came, Race, Raced, Way
from policies.proxy.phases.upstream_request_filter import upstream_request_filter
from policies.resilience.failover import hedge_to
from policies.resilience.unreached import STATUSES, is_url

SERVER_ERRORS = frozenset(range(500, 600))


def hedge_variant(context: RequestContext) -> Variant | None:
    """Return the variant of the second attempt; None if there is none."""
    choice, request = context.choice, context.request
    terms = choice.route.failover
    if terms.hedge is None and not choice.is_probe_request:
        return None
    return hedge_to(terms, choice.candidates, request.method, request.headers)


def hedged(context: RequestContext, first: Attempt, second: Variant) -> Way[Outcome]:
    """Return the outcome of the attempt whose response is used."""
    state, choice, now = context.state, context.choice, context.arrived.now_ms
    terms, name = choice.route.failover, choice.route.name
    latencies = state.latencies[name]
    wait = latencies.p95(now) if terms.hedge == "p95" else terms.hedge
    if choice.is_probe_request:
        wait = state.health.probe_request_patience_ms(first.variant.name)
    if not wait or not state.retries[name].reserve(terms.budget, now):
        what = send(context, first)
        came: Came = yield what
        outcome = record_outcome(context, first.variant, 1, first.began_ms, what, came)
    else:
        outcome = yield from _raced(context, first, second, float(wait))
    if terms.hedge == "p95" and outcome.status < 500:  # a failure took no time worth knowing
        now = outcome.came.now_ms
        latencies.note(now - first.began_ms, now)
    return outcome


def _refused(context: RequestContext, first: Attempt) -> frozenset[int]:
    """Return the statuses of responses that are used only if there is no other: those that would be
    retried, and likely errors."""
    choice, health = context.choice, context.state.health
    codes = choice.route.failover.codes
    hides = choice.is_probe_request or health.is_on_probation(first.variant.name, first.began_ms)
    return codes | SERVER_ERRORS if hides else codes


def _raced(context: RequestContext, first: Attempt, second: Variant, wait: float) -> Way[Outcome]:
    state, route = context.state, context.choice.route
    sent, left = upstream_request_filter(context, second, 2), left_ms(route, wait)
    other = Attempt(second, 2, sent, False, left, first.began_ms + wait, first.wants_head)
    attempts = (first, other)
    sends = [send(context, attempt, is_raced=True) for attempt in attempts]
    refused = _refused(context, first)
    if any(is_url(attempt_send.upstream) for attempt_send in sends):
        refused |= frozenset(STATUSES)
    raced: Raced = yield Race(sends[0], sends[1], wait, refused)
    is_sent = len(raced.came) > 1
    state.retries[route.name].settle(raced.now_ms, is_sent=is_sent)
    if is_sent:
        state.count("hedges", route.name, second.name, "true" if raced.taken else "false")
    taken: Outcome | None = None
    for at, came in enumerate(raced.came):
        attempt, what = attempts[at], sends[at]
        variant, number, began_ms = attempt.variant, attempt.number, attempt.began_ms
        if came is None:
            count_overtaken(context, variant, what, raced.now_ms - began_ms)
            continue
        outcome = record_outcome(context, variant, number, began_ms, what, came)
        taken = outcome if at == raced.taken else taken
    assert taken, "the attempt whose answer is taken was not given up"
    return taken._replace(beside=len(raced.came) - taken.number)
