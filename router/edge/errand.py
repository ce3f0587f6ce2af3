"""A request that is to go to a variant, and what has been decided about it."""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.authenticate import Identity
from policies.decisions.decide import Forward
from policies.decisions.match import Rule
from policies.decisions.outgoing import Outgoing, outgoing
from policies.decisions.policy import Route, Variant
from router.edge.exchange import Exchange


class Errand(NamedTuple):
    """`rule` took the request of the `exchange`, `choice` says to whom it goes; `identity`:
    who asks, if the route wants to know."""

    exchange: Exchange
    rule: Rule
    choice: Forward
    identity: Identity | None

    @property
    def route(self) -> Route:
        return self.choice.route

    def outgoing(self, variant: Variant, number: int) -> Outgoing:
        """What `variant` is sent in the attempt of that number, from 1."""
        exchange, rule, choice, identity = self
        trace = exchange.trace
        return outgoing(exchange.request, rule, choice.route, variant, trace, number, identity)
