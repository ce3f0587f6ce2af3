"""Before the first attempt: who may be tried, and how the request's body is kept for it.

A body is read before anything is sent if its length is told and it is short; one of unknown
length goes on while it arrives, and is kept meanwhile; a long one is sent once, and so is
that of a GET.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.decisions.failover import BODILESS, has_content, keeping, may_repeat, plan
from policies.decisions.policy import Variant
from router.edge.bridge import JsObject, arriving, has_body, kept
from router.edge.errand import Errand
from router.edge.forward import Failure, upload_broken
from router.edge.mirror import mirror


class Plan(NamedTuple):
    """Whom to try, in order. `repeatable`: also when the request may have reached somebody.
    `source`: its body, if that is kept; attempts take it from there."""

    tries: Sequence[Variant]
    repeatable: bool
    source: JsObject | None


def planned(errand: Errand) -> Plan | Failure:
    """How to go about it; a failure if the body was to be read, and could not."""
    exchange, choice = errand.exchange, errand.choice
    route, terms, request = choice.route, choice.route.failover, exchange.request
    tries = plan(terms, choice.candidates)
    repeatable = len(tries) > 1 and may_repeat(terms, request.method, request.headers)
    filters = route.plan_for(choice.candidates[0].pool)
    source = mirror(errand, filters) if filters and filters.mirrors else None
    if source is not None:
        return Plan(tries, repeatable, source)
    if request.method in BODILESS:
        return Plan(tries, repeatable and not has_content(request.headers), None)
    is_empty = request.headers.get("content-length") == "0"
    if not repeatable or is_empty or not has_body(exchange.incoming):
        return Plan(tries, repeatable, None)
    how = keeping(terms, request.headers)
    if how is None:
        return Plan(tries, False, None)
    if how == "arriving":
        source = arriving(exchange.incoming, route.sizes.body, terms.buffer)
        return Plan(tries, True, source)
    source = kept(exchange.incoming)
    return upload_broken() if source is None else Plan(tries, True, source)
