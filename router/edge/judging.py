"""What came of an attempt, and what health learns of it.

Only what is the variant's fault counts: no answer, none in time, a status of 500 or more.
Who asks to be left alone, with 503 and `Retry-After`, is, and that is no failure. A GET with
a body goes on unwatched, so it might be the client who has broken off: no failure either.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.failover import BODILESS, has_content
from policies.decisions.http_values import retry_after_ms
from policies.decisions.policy import Variant
from router.edge.bridge import JsObject, is_broken, now_ms
from router.edge.exchange import Exchange
from router.edge.forward import Failure, upload_broken


class Done(NamedTuple):
    """What an attempt came to, at which variant, its number (from 1), and when it began.
    `hide`: it failed where that was to be expected, so that the client had better not see
    it. `rest_until_ms`: when the variant wants to be asked again, 0 if it says nothing."""

    variant: Variant
    answer: JsObject | Failure
    status: int
    number: int
    began_ms: float
    hide: bool = False
    rest_until_ms: float = 0.0


def judged(
    exchange: Exchange, variant: Variant, answer: JsObject | Failure, number: int, began: float
) -> Done:
    """The attempt of that number, which health has been told of."""
    if isinstance(answer, Failure):
        return told(exchange, Done(variant, answer, answer.problem.status, number, began))
    status = answer.status
    asked = answer.headers.get("retry-after") if status == 503 else None
    return told(exchange, Done(variant, answer, status, number, began), asked)


def told(exchange: Exchange, done: Done, asked: object = None) -> Done:
    """The same; `asked`: what a 503 says with `Retry-After`, if it does."""
    health, variant = exchange.isolate.health, done.variant
    answer, status = done.answer, done.status
    if status < 500:
        if not isinstance(answer, Failure):
            health.succeeded(variant.name, done.began_ms)
        return done
    if has_content(exchange.request.headers):
        if exchange.request.method in BODILESS:
            return done
        if is_broken(exchange.incoming):
            failure = upload_broken()
            return done._replace(answer=failure, status=failure.problem.status)
    now = now_ms()
    done = done._replace(hide=health.is_on_probation(variant.name, now))
    rest = retry_after_ms(asked, now) if status == 503 and isinstance(asked, str) else None
    if rest:
        health.rest(variant.name, now + rest, now)
        return done._replace(rest_until_ms=now + rest)
    reason = answer.problem.code if isinstance(answer, Failure) else f"status {status}"
    health.failed(variant.name, done.began_ms, now, reason)
    return done
