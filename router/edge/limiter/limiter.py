"""The Durable Object class `Limiter`: one object for each limited key (object.py), with the
storage and the clock of the runtime."""

from __future__ import annotations

from workers import DurableObject

from router.edge.limiter.object import LimiterObject
from router.edge.runtime.bridge import JsObject, now_ms


class Limiter(LimiterObject, DurableObject):  # type: ignore[misc]
    """Only the router calls it, through its binding."""

    def __init__(self, ctx: JsObject, env: JsObject) -> None:
        DurableObject.__init__(self, ctx, env)
        LimiterObject.__init__(self, ctx.storage, ctx.id, now_ms)
