"""What two decisions have in common that are alike but for the request."""

from __future__ import annotations

from policies.proxy.context import RequestContext
from policies.proxy.effects import Send

_OWN = ("x-request-id", "traceparent", "x-forwarded-for")  # another one with each request


def likeness_of(context: RequestContext, send: Send) -> str:
    """A first attempt, whose answer is carried, without what is new with each request."""
    choice, carry, changes, rule = context.choice, send.carry, send.changes, context.rule
    assert choice, "a backend has been chosen"
    assert rule, "a rule has taken the request"
    assert carry, "the answer is carried without another look"
    identity = context.identity
    asked = {**changes.set, **{name: "" for name in _OWN if name in changes.set}}
    answered = {**carry.changes.set, "x-request-id": "", "ratelimit": ""}
    told = (
        send._replace(changes=changes._replace(set=asked), codes=frozenset(), carry=None),
        sorted(send.codes),
        carry._replace(
            changes=carry.changes._replace(set=answered), blame=carry.blame._replace(began_ms=0)
        ),
        identity and identity.key.id,
        choice.route.name,
        rule.taken,  # what other attempts may write anew
        [each.name for each in choice.candidates],
    )
    return repr(told)
