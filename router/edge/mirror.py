"""Copies of requests for other pools: sent beside the real one, and forgotten.

Nothing of a copy reaches the client: it is sent in the background, its answer is thrown
away, its failure is nobody's, and its health is not learnt from it. A body is copied while
it streams to the real variant, and held until it is whole; so only small ones are.
"""

from __future__ import annotations

from policies.decisions.changes import Changes
from policies.decisions.decide import choose_mirror
from policies.decisions.filters import SAFE_METHODS, Plan
from policies.decisions.limits import content_length
from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import Variant
from router.edge.bridge import JsObject, arriving, send_copy
from router.edge.errand import Errand
from router.edge.injection import is_down

MAX_BODY = 64 * 1024  # as much as is held of a request for its copy
TIMEOUT_MS = 10_000  # a third of what Cloudflare leaves for work after the answer
_MARK = Changes(["content-length"], {"x-router-mirror": "1"}, [])


def mirror(errand: Errand, plan: Plan) -> JsObject | None:
    """Send the copies. A body that is copied must then go on from the source returned."""
    wanted = _copies(errand, plan)
    if not wanted:
        return None
    exchange, route, source = errand.exchange, errand.route, None
    if exchange.request.method not in SAFE_METHODS:
        source = arriving(exchange.incoming, route.sizes.body, MAX_BODY)
    steered = errand.choice.steered
    for variant, sent, side in wanted:
        if getattr(exchange.env, variant.binding, None) is None:
            continue  # not bound, which `/.router/status` tells
        exchange.isolate.metrics.mirrored[route.name, variant.name] += 1
        where = (exchange.ctx, exchange.env, variant.binding, exchange.incoming)
        tag = steered.run if side and steered and steered.counts else ""
        send_copy(*where, sent.target.url, sent.changes.then(_MARK), TIMEOUT_MS, source, tag)
    return source


def _copies(errand: Errand, plan: Plan) -> list[tuple[Variant, Outgoing, str]]:
    """Who gets a copy of this request, which, and for which side of a rollout, if any."""
    exchange, choice = errand.exchange, errand.choice
    request, chance = exchange.request, exchange.isolate.chance
    if "upgrade" in request.headers or (content_length(request.headers) or 0) > MAX_BODY:
        return []
    found = []
    standing = exchange.isolate.health.standing(exchange.policy, exchange.now_ms)
    for each in plan.drawn(request.method, chance):
        variant = choose_mirror(exchange.policy, choice, each, chance, standing)
        if variant and exchange.isolate.coordinating.drills and is_down(exchange.isolate, variant):
            continue
        if variant:
            found.append((variant, errand.outgoing(variant, 1), each.side))
    return found
