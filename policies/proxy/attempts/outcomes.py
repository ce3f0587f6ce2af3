"""The outcome of an attempt: what it means, and what learns of it.

Only the variant's own faults count against it: no response, none in time, a status of 500 or more.
A variant that asks to be left alone, with 503 and `Retry-After`, is left alone, and that is no
failure. A GET with a body is not watched, so the client may have broken it off: that is no failure
either.

For a rollout an attempt counts for the pool of its variant, whichever variant answers in the end:
failover hides failures from clients, but not from the analysis. What may be the client's fault, and
attempts that a drill failed, do not count for a pool.
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
    """An attempt without a response: the problem for the client, and the reason for the log.
    `reached`: the request may have come to the variant; else the body is untouched. `cause`: why a
    server with a URL was not reached, in a word."""

    problem: Problem
    reason: str
    reached: bool = True
    cause: str = ""


class Outcome(NamedTuple):
    """The outcome of an attempt at `variant`, its number (from 1) and its start.

    `status`: that of the response, or of the problem. `hide`: it failed where that was likely, so
    the client should not see it. `rest_until_ms`: when the variant may be asked again, 0 if it does
    not say. `is_done`: the client has its response. `beside`: the number of hedges, which have
    later numbers.
    """

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
        """The number of attempts so far."""
        return self.number + self.beside


TOO_LATE = Problem("variant-timeout", "The backend did not begin to answer in time.")
FAILED = Problem("variant-failed", "The backend did not answer.")
UPLOAD_BROKEN = Failure(Problem("bad-request", "The request's body broke off."), "broken body")
UPLOAD_LATE = Failure(
    Problem("body-incomplete", "The request's body did not come in time."), "incomplete body"
)


def classify(send: Send, came: Came) -> Failure | None:
    """Return the failure of an attempt without a response; None if it has one."""
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
    """Return why a server with a URL was not reached; None if it was."""
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
    """Return the outcome of an attempt, after health and rollouts have recorded it."""
    failure = classify(send, came) if not 0 < came.status < FIRST_OF_CLOUDFLARE else None
    status = failure.problem.status if failure else came.status
    is_done = send.is_good(came.status)
    outcome = Outcome(variant, failure, status, number, began_ms, came, is_done=is_done)
    outcome = record_health(context, outcome)
    if context.choice.rollout_override:
        count_for_rollout(context, outcome, send)
    return outcome


def record_health(context: RequestContext, outcome: Outcome) -> Outcome:
    """Record the outcome for health, and return it as it then is."""
    if outcome.failure or outcome.status >= 500:
        return record_failure(context, outcome)
    context.state.health.succeeded(outcome.variant.name, outcome.began_ms)
    return outcome


def record_failure(context: RequestContext, outcome: Outcome) -> Outcome:
    """Record a bad outcome for health, and return it as it then is."""
    health, variant = context.state.health, outcome.variant
    failure, came, now = outcome.failure, outcome.came, outcome.came.now_ms
    if outcome.status < 500:
        return outcome  # it is the client's fault
    if _is_unwatched(context):
        return outcome
    if came.is_broken and has_content(context.request.headers):
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


def _is_unwatched(context: RequestContext) -> bool:
    """Whether the request is a GET with a body: nobody knows whether all of it came."""
    request = context.request
    return request.method in BODILESS and has_content(request.headers)


def count_for_rollout(context: RequestContext, outcome: Outcome, send: Send) -> None:
    """Count a finished attempt for its rollout."""
    is_error = outcome.status >= 500
    may_be_clients_fault = _is_unwatched(context) if is_error else outcome.failure is not None
    if not may_be_clients_fault:
        took_ms = outcome.came.now_ms - outcome.began_ms
        _count(context, outcome.variant, send, is_error, took_ms)


def count_overtaken(context: RequestContext, variant: Variant, send: Send, took_ms: float) -> None:
    """Count an attempt that was cancelled because another one was faster: it did not fail, but
    takes longer than until now."""
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
    """Phase 5: the request is over. It is counted once, here."""
    route = context.route
    context.state.count("requests", route.name if route else "", variant, status)
