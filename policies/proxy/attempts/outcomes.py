"""What came of an attempt: what it means, and who learns of it.

Only what is the variant's fault counts against it: no answer, none in time, a status of 500 or
more. Who asks to be left alone, with 503 and `Retry-After`, is, and that is no failure. A GET
with a body goes on unwatched, so it might be the client who has broken off: no failure either.

For a rollout an attempt counts for the pool of the variant that it went to, whoever answered
in the end: failover hides failures from clients, not from those who judge. What the client
broke off, and what a drill did, says nothing of a pool.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.compiled.model import Variant
from policies.http.http_values import retry_after_ms
from policies.http.limits import body_too_large, has_content
from policies.http.problems import Problem
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Came, Send
from policies.resilience.failover import BODILESS
from policies.resilience.unreached import (
    FIRST_OF_CLOUDFLARE,
    NOT_SENT,
    RESPONSE_TIMEOUT,
    cause_of,
    is_url,
)


class Failure(NamedTuple):
    """No answer: the problem for the client, and the reason for the log. `reached`: the
    request may have come to the variant; else it is as it was, and so is its body. `cause`: why
    a server with a URL was not reached, in a word."""

    problem: Problem
    reason: str
    reached: bool = True
    cause: str = ""


class Outcome(NamedTuple):
    """What an attempt came to, at which variant, its number (from 1), and when it began.
    `status`: that of the answer, or of the problem. `hide`: it failed where that was to be
    expected, so that the client had better not see it. `rest_until_ms`: when the variant wants
    to be asked again, 0 if it says nothing. `is_done`: the client has its answer. `beside`: how
    many attempts beside it have later numbers."""

    variant: Variant
    failure: Failure | None
    status: int
    number: int
    began_ms: float
    came: Came
    hide: bool = False
    rest_until_ms: float = 0.0
    is_done: bool = False
    beside: int = 0

    @property
    def made(self) -> int:
        """How many attempts have been made."""
        return self.number + self.beside


TOO_LATE = Problem("variant-timeout", "The backend did not begin to answer in time.")
FAILED = Problem("variant-failed", "The backend did not answer.")
UPLOAD_BROKEN = Failure(Problem("bad-request", "The request's body broke off."), "broken body")
UPLOAD_LATE = Failure(
    Problem("body-incomplete", "Not all of the request's body came in time."), "incomplete body"
)


def classify(send: Send, came: Came) -> Failure | None:
    """What it means that no answer came; None if one did."""
    if came.status:
        return _unreached(send, came) if came.status >= FIRST_OF_CLOUDFLARE else None
    if came.error == "TimeoutError":
        return Failure(TOO_LATE, f"no answer in {send.timeout_ms} ms")
    if came.error == "BodyTooLarge" and send.limit is not None:
        return Failure(body_too_large(send.limit), f"more than {send.limit} bytes")
    if came.error == "UploadBroken":
        return UPLOAD_BROKEN
    if came.error == "UploadLate":
        return UPLOAD_LATE
    if came.error == "Unbound":
        detail = "The backend for this request is not connected to the router."
        problem = Problem("variant-unbound", detail)
        return Failure(problem, f"no binding {send.upstream}", reached=False)
    if came.error == "NotReached" or not is_url(send.upstream):
        return Failure(FAILED, came.said[:200], reached=came.error != "NotReached")
    return _unreached(send, came)


def _unreached(send: Send, came: Came) -> Failure | None:
    """Why a server with a URL was not reached; None if it was."""
    cause = cause_of(came.status, came.error) if is_url(send.upstream) else None
    if cause is None:
        return None
    said = came.said.removeprefix(f"{came.error}: ")
    said = f"Cloudflare answers {came.status}" if came.status else said
    problem = TOO_LATE if cause == RESPONSE_TIMEOUT else FAILED
    reached = came.error not in NOT_SENT
    return Failure(problem, f"{cause}: {said}"[:200], reached, cause)


def record_outcome(
    context: RequestContext, variant: Variant, number: int, began_ms: float, send: Send, came: Came
) -> Outcome:
    """What an attempt came to; health and the rollout have learnt of it."""
    failure = classify(send, came) if not 0 < came.status < FIRST_OF_CLOUDFLARE else None
    status = failure.problem.status if failure else came.status
    is_done = send.is_good(came.status)
    outcome = Outcome(variant, failure, status, number, began_ms, came, is_done=is_done)
    outcome = record_health(context, outcome)
    if context.choice.rollout_override:
        count_for_rollout(context, outcome, send)
    return outcome


def record_health(context: RequestContext, outcome: Outcome) -> Outcome:
    """Tell health; the outcome as it looks then."""
    if outcome.failure or outcome.status >= 500:
        return record_failure(context, outcome)
    context.state.health.succeeded(outcome.variant.name, outcome.began_ms)
    return outcome


def record_failure(context: RequestContext, outcome: Outcome) -> Outcome:
    """Tell health of what is no good answer."""
    health, variant = context.state.health, outcome.variant
    failure, came, now = outcome.failure, outcome.came, outcome.came.now_ms
    if outcome.status < 500:
        return outcome  # it is the client's fault
    request = context.request
    if has_content(request.headers):
        if request.method in BODILESS:
            return outcome
        if came.is_broken:
            return outcome._replace(failure=UPLOAD_BROKEN, status=UPLOAD_BROKEN.problem.status)
    outcome = outcome._replace(hide=health.is_on_probation(variant.name, now))
    rest = None
    if came.status == 503 and came.retry_after is not None:
        rest = retry_after_ms(came.retry_after, now)
    if rest:
        health.rest(variant.name, now + rest, now)
        return outcome._replace(rest_until_ms=now + rest)
    reason = failure.cause or failure.problem.code if failure else f"status {outcome.status}"
    health.failed(variant.name, outcome.began_ms, now, reason)
    return outcome


def count_for_rollout(context: RequestContext, outcome: Outcome, send: Send) -> None:
    """Count an attempt that is over."""
    is_clients_fault = outcome.failure is not None and outcome.status < 500
    if not is_clients_fault:
        took_ms = outcome.came.now_ms - outcome.began_ms
        _count(context, outcome.variant, send, outcome.status >= 500, took_ms)


def count_overtaken(context: RequestContext, variant: Variant, send: Send, took_ms: float) -> None:
    """An attempt was given up because another one was faster: it was no failure, but took
    longer than until now."""
    _count(context, variant, send, False, took_ms)


def _count(
    context: RequestContext, variant: Variant, send: Send, is_error: bool, took_ms: float
) -> None:
    rollout_override = context.choice.rollout_override
    if rollout_override is None or not rollout_override.counts or send.drill is not None:
        return
    side = rollout_override.side(variant.pool)
    if side is not None:
        context.state.tallies.note(rollout_override.run, side, is_error, took_ms)


def logging(context: RequestContext, variant: str, status: int) -> None:
    """Phase 5: the request is over. Counted once for each request, here."""
    route = context.route
    context.state.count("requests", route.name if route else "", variant, status)
