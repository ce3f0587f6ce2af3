"""What came of an attempt, and what health learns of it.

Only what is the variant's fault counts: no answer, none in time, a status of 500 or more.
Who asks to be left alone, with 503 and `Retry-After`, is, and that is no failure.
"""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.http_values import retry_after_ms
from policies.decisions.policy import Variant
from router.edge.bridge import JsObject, now_ms
from router.edge.exchange import Exchange
from router.edge.forward import Failure


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
    if not isinstance(answer, Failure):
        status = answer.status
        if status >= 500:
            asked = answer.headers.get("retry-after") if status == 503 else None
            return _failed(exchange, Done(variant, answer, status, number, began), asked)
        exchange.isolate.health.succeeded(variant.name, began)
        return Done(variant, answer, status, number, began)
    done = Done(variant, answer, answer.problem.status, number, began)
    return _failed(exchange, done, None) if done.status >= 500 else done


def _failed(exchange: Exchange, done: Done, asked: object) -> Done:
    """`asked`: its `Retry-After`."""
    health, name, now = exchange.isolate.health, done.variant.name, now_ms()
    done = done._replace(hide=health.is_on_probation(name, now))
    rest = retry_after_ms(asked, now) if isinstance(asked, str) else None
    if rest:
        health.rest(name, now + rest, now)
        return done._replace(rest_until_ms=now + rest)
    answer = done.answer
    reason = answer.problem.code if isinstance(answer, Failure) else f"status {done.status}"
    health.failed(name, done.began_ms, now, reason)
    return done
