"""Phase 3: the request as a variant gets it, and what is kept of it before it is sent.

A short body of announced length is read before anything is sent. One of unknown length passes on
while it arrives, and is kept meanwhile. A long body is sent once, and so is that of a GET. Copies
for mirrors are sent beside the request: their responses are discarded, their failures have no
effect, and health does not learn from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.balancing.choose import choose_mirror
from policies.compiled.model import Variant
from policies.http.changes import Changes
from policies.http.filters import SAFE_METHODS, FilterChain
from policies.http.limits import content_length, has_content
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.effects import Copy, KeepBody, KeptBody, Mirrored, SendCopy, Way
from policies.proxy.phases.outgoing import Outgoing, outgoing
from policies.resilience.drill import InFront, faults_of
from policies.resilience.failover import BODILESS, keeping, may_repeat, plan

MIRROR_BODY = 64 * 1024  # bytes of a body that are held for a copy
MIRROR_MS = 10_000  # a third of what Cloudflare leaves for work after the answer
_MARK = Changes(["content-length"], {"x-router-mirror": "1"}, [])


class Tries(NamedTuple):
    """The variants to try, in order. `repeatable`: also if the request may have reached one.
    `kept`: the result of keeping the body, None if it was not to be kept; `kept_body`: attempts
    take it from there."""

    variants: Sequence[Variant]
    repeatable: bool
    kept_body: bool = False
    kept: KeptBody | None = None


def upstream_request_filter(context: RequestContext, variant: Variant, attempt: int) -> Outgoing:
    """Return what `variant` is sent in the attempt of that number, from 1."""
    rule, route = context.rule, context.choice.route
    assert rule, "a rule has taken the request"
    trace, identity = context.trace, context.identity
    return outgoing(context.request, rule, route, variant, trace, attempt, identity)


def respelled(context: RequestContext, sent: Outgoing) -> str | None:
    """Return the URL to send; None if it is the one that came."""
    url = sent.target.url
    return None if url == context.request.target.sent else url


def tries_of(context: RequestContext) -> Tries:
    """Return the variants to try, if nothing of the request has to be kept."""
    choice, request = context.choice, context.request
    terms = choice.route.failover
    variants = plan(terms, choice.candidates)
    repeatable = len(variants) > 1 and may_repeat(terms, request.method, request.headers)
    if repeatable and request.method in BODILESS:
        repeatable = not has_content(request.headers)
    return Tries(variants, repeatable)


def is_prepared(context: RequestContext) -> bool:
    """Return whether `prepare` may have something to do before the first attempt."""
    route, first = context.choice.route, context.choice.candidates[0]
    filters = route.plan_for(first.pool) if route.plans else route.plan
    has_body = context.arrived.has_body and context.request.method not in BODILESS
    return has_body or (filters is not None and bool(filters.mirrors))


def prepare(context: RequestContext, timeout_ms: int) -> Way[Tries]:
    """Send the copies, and keep the body if another attempt may need it. `timeout_ms`: the time
    limit for reading it (0: none)."""
    choice, request = context.choice, context.request
    route, terms = choice.route, choice.route.failover
    tries = tries_of(context)
    filters = route.plan_for(choice.candidates[0].pool)
    if filters and filters.mirrors and (yield from _mirror(context, filters)):
        return tries._replace(kept_body=True)
    is_empty = request.headers.get("content-length") == "0"
    if request.method in BODILESS or not tries.repeatable or is_empty:
        return tries
    if not context.arrived.has_body:
        return tries
    how = keeping(terms, request.headers)
    if how is None:
        return tries._replace(repeatable=False)
    kept: KeptBody = yield KeepBody(how, route.sizes.body, terms.buffer, timeout_ms)
    return tries._replace(kept_body=kept.body == "kept", kept=kept)


def _mirror(context: RequestContext, plan: FilterChain) -> Way[bool]:
    """Send the copies. Returns whether the body must be taken from the kept one."""
    copies = _copies(context, plan)
    if not copies:
        return False
    route = context.choice.route
    keeps_body = context.request.method not in SAFE_METHODS
    mirrored: Mirrored = yield SendCopy(
        copies, keeps_body, route.sizes.body, MIRROR_BODY, MIRROR_MS
    )
    for name in mirrored.variants:
        context.state.count("mirrored", route.name, name)
    return mirrored.has_body


def _copies(context: RequestContext, plan: FilterChain) -> list[Copy]:
    choice, request, state = context.choice, context.request, context.state
    if "upgrade" in request.headers or (content_length(request.headers) or 0) > MIRROR_BODY:
        return []
    copies = []
    availability = state.availability(context.policy, context.arrived.now_ms)
    rollout_override = choice.rollout_override
    for mirror in plan.drawn(request.method, context.rng):
        variant = choose_mirror(context.policy, choice, mirror, context.rng, availability)
        if variant is None or _is_down(context, variant):
            continue
        sent = upstream_request_filter(context, variant, 1)
        tag = (
            rollout_override.run
            if mirror.side and rollout_override and rollout_override.counts
            else ""
        )
        changes = sent.changes.then(_MARK)
        copies.append(Copy(variant.name, variant.upstream, sent.target.url, changes, tag))
    return copies


def _is_down(context: RequestContext, variant: Variant) -> bool:
    drills = context.state.drills
    return bool(drills) and faults_of(drills, variant, context.arrived.now_ms).down is not None


def drill_on(context: RequestContext, variant: Variant, now_ms: float) -> InFront:
    """Return the fault that an attempt at `variant` meets, and count it. A drilled variant fails
    like a broken Worker, so failover and health react as they would."""
    drills = context.state.drills
    if not drills:
        return None
    drill = faults_of(drills, variant, now_ms).draw(context.rng)
    if drill is None:
        return None
    context.state.count("drill_faults", drill.id, variant.name, drill.fault.mode)
    return drill.in_front
