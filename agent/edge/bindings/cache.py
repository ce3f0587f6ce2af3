"""KV as the store of cached results. If KV fails or is slow, the result counts as missing."""

from __future__ import annotations

from pyodide.ffi import run_sync

from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/bindings/cache.js"
# How long a location caches a read, also of a missing key: the least that KV allows.
REMEMBER_S = 30
PATIENCE_MS = 500  # a slower KV saves little


class KvStore:
    """The store of one request; writes go on after its answer."""

    def __init__(self, kv: JsObject, ctx: JsObject) -> None:
        self._kv = kv
        self._ctx = ctx
        self._module = module(MODULE)

    def get(self, key: str) -> str | None:
        text = run_sync(self._module.get(self._kv, key, REMEMBER_S, PATIENCE_MS))
        return None if text is None else str(text)

    def put(self, key: str, text: str, keep_s: int) -> None:
        self._module.put(self._ctx, self._kv, key, text, keep_s)


def store_of(env: JsObject, ctx: JsObject) -> KvStore | None:
    """None without the binding."""
    kv = getattr(env, "CACHE", None)
    return None if kv is None else KvStore(kv, ctx)
