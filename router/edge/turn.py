"""One attempt: its turn among others, its time limit, and how it is made."""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import Route, Variant
from router.edge.bridge import JsObject, Sending
from router.edge.errand import Errand
from router.edge.forward import attempt
from router.edge.injection import fault_on
from router.edge.judging import Done, judged
from router.edge.tallying import tally


class Turn(NamedTuple):
    """An attempt to be made: at which variant, its number (from 1), what it is sent, with
    which kept body, in how many milliseconds it must answer (0: any), and when it begins."""

    variant: Variant
    number: int
    sent: Outgoing
    upload: JsObject | None
    timeout_ms: int
    began_ms: float


def take(errand: Errand, turn: Turn) -> Done:
    exchange, what = errand.exchange, sending(errand, turn)
    answer = attempt(exchange.env, what)
    done = judged(exchange, turn.variant, answer, turn.number, turn.began_ms)
    tally(errand, done, what)
    return done


def sending(errand: Errand, turn: Turn) -> Sending:
    """What is sent; a drill that it meets is counted."""
    exchange, isolate = errand.exchange, errand.exchange.isolate
    variant, _, sent, upload, timeout, _ = turn
    drill = fault_on(isolate, variant) if isolate.coordinating.drills else None
    where = (variant.binding, exchange.incoming, exchange.respelled(sent))
    return Sending(*where, sent.changes, timeout, errand.route.sizes.body, upload, drill)


def timeout_ms(route: Route) -> int:
    """The stricter of the two limits of a first attempt, 0 for none."""
    return left_ms(route, 0)


def left_ms(route: Route, spent_ms: float) -> int:
    """The same of a later one, when so much of the request's time is gone."""
    if not route.request_ms:
        return route.backend_request_ms
    left = max(1, int(route.request_ms - spent_ms))
    return min(left, route.backend_request_ms) if route.backend_request_ms else left
