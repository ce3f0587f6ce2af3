"""One attempt as an effect: what is sent, and the time limit of the response."""

from __future__ import annotations

from typing import NamedTuple

from policies.compiled.model import Route, Variant
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Send
from policies.proxy.phases.outgoing import Outgoing
from policies.proxy.phases.response_filter import carried
from policies.proxy.phases.upstream_request_filter import drill_on, respelled


class Attempt(NamedTuple):
    """An attempt to make: its variant, its number (from 1), what it sends, whether it takes the
    kept body, the time limit in milliseconds (0: none), and its start. `wants_head`: the response
    is looked at before the client gets it."""

    variant: Variant
    number: int
    sent: Outgoing
    kept_body: bool
    timeout_ms: int
    began_ms: float
    wants_head: bool


def send(context: RequestContext, attempt: Attempt, *, is_raced: bool = False) -> Send:
    """Return the effect. A drill that the attempt meets is counted."""
    variant, number, sent, kept_body, limit_ms, began_ms, wants_head = attempt
    route, state = context.choice.route, context.state
    # A drill that has begun since meets no attempt that has been made.
    is_drilled = bool(state.drills) and not (context.is_repeated and number == 1)
    asks = is_raced or wants_head
    return Send(
        variant.name,
        variant.upstream,
        respelled(context, sent),
        sent.changes,
        limit_ms,
        route.sizes.body,
        kept_body,
        drill_on(context, variant, began_ms) if is_drilled else None,
        route.failover.codes,
        None if asks else carried(context, variant, began_ms),
        wants_head,
    )


def timeout_ms(route: Route) -> int:
    """Return the stricter of the two limits of a first attempt, 0 for none."""
    whole, one = route.request_ms, route.backend_request_ms
    return min(whole, one) if whole and one else whole or one


def left_ms(route: Route, spent_ms: float) -> int:
    """Return the limit of a later attempt, when so much of the request's time has passed."""
    if not route.request_ms:
        return route.backend_request_ms
    left = max(1, int(route.request_ms - spent_ms))
    return min(left, route.backend_request_ms) if route.backend_request_ms else left
