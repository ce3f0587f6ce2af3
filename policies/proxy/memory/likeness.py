"""What two decisions have in common that differ only in the request."""

from __future__ import annotations

from collections.abc import Hashable

from policies.http.changes import Changes
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Send

# Others with each request.
_OWN = frozenset({"x-request-id", "traceparent", "x-forwarded-for", "ratelimit"})


def likeness_of(context: RequestContext, send: Send) -> Hashable:
    """Return a first attempt whose response is carried, without what is new in each request."""
    choice, carry, rule = context.choice, send.carry, context.rule
    assert rule, "a rule has taken the request"
    assert carry, "the answer is carried without another look"
    identity, attribution = context.identity, carry.attribution
    return (
        rule.taken,  # what other attempts may write anew
        *(choice.route.name, *[candidate.name for candidate in choice.candidates]),
        *(identity and identity.key.id, attribution.variant, attribution.part),
        *(send.upstream, send.url, send.timeout_ms, send.limit, send.codes),
        *_values(send.changes),
        *_values(carry.changes),
    )


def _values(changes: Changes) -> tuple[Hashable, ...]:
    kept = [value for name, value in changes.set.items() if name not in _OWN]
    return tuple(changes.removed), tuple(changes.set), tuple(kept), tuple(changes.added)
