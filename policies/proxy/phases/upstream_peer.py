"""Phase 2: the variants for the request, in order.

The request's own selection decides, if it may; otherwise the split, rollouts and health do.
"""

from __future__ import annotations

from policies.access.given import UNSEALED
from policies.balancing.choose import choose_picked, choose_variants
from policies.balancing.pick import pick
from policies.http.problems import Problem
from policies.proxy.phases.context import RequestContext


def upstream_peer(context: RequestContext) -> Problem | None:
    """Set `context.choice`. Returns why there is none; None if there is one."""
    route = context.route
    assert route, "a rule has taken the request"
    state, policy, request = context.state, context.policy, context.request
    now = context.arrived.now_ms
    availability = state.availability(policy, now)
    sealing = context.sealing if policy.drained and route.sticky else UNSEALED
    found = None
    context.step = "variants"
    if route.override and route.override.header in request.headers:
        picked = pick(policy, route, request, context.identity, now, state.pepper)
        if isinstance(picked, Problem):
            context.step = "override"
            return picked
        if picked:
            context.identity = picked.identity
            found = choose_picked(policy, picked, request, context.rng, availability, sealing)
    if found is None:
        override = state.rollout_overrides(policy).get(route.name)
        key_id = context.identity.key.id if context.identity else ""
        found = choose_variants(
            policy, route, request, context.rng, availability, override, key_id, sealing
        )
    if isinstance(found, Problem):
        return found
    context.choice = found
    return None
