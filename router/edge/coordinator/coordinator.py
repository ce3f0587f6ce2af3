"""The Durable Object class `Coordinator`: one object, named "global", for all isolates
(object.py), with the runtime's storage, clock and bindings."""

from __future__ import annotations

from functools import partial

from workers import DurableObject

from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.object import CoordinatorObject
from router.edge.isolate.isolate import KV_BINDING, log
from router.edge.isolate.this_isolate import ISOLATE
from router.edge.runtime.bridge import (
    JsObject,
    KvNamespace,
    ask_service,
    guard_outbound,
    in_background,
    now_ms,
    probe,
    unwrapped,
)


class Coordinator(CoordinatorObject, DurableObject):  # type: ignore[misc]
    """Only the router calls it, through its binding."""

    def __init__(self, ctx: JsObject, env: JsObject) -> None:
        DurableObject.__init__(self, ctx, env)
        ISOLATE.seed()  # an alarm may come before any request
        ISOLATE.store.allow_private = guard_outbound(unwrapped(env))
        CoordinatorObject.__init__(self, _collaborators(ctx, unwrapped(env)))


def _collaborators(ctx: JsObject, bindings: JsObject) -> Collaborators:
    return Collaborators(
        storage=ctx.storage,
        store=ISOLATE.store,
        rng=ISOLATE.rng,
        clock=now_ms,
        log=log,
        kv=lambda: KvNamespace(getattr(bindings, KV_BINDING, None)),
        probe=partial(probe, bindings),
        ask=partial(ask_service, bindings),
        start=partial(in_background, ctx),
    )
