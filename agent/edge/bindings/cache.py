"""KV as the store of cached results. If KV fails or is slow, the result counts as missing."""

from __future__ import annotations

from pyodide.ffi import run_sync

from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/bindings/cache.js"
# How long a location remembers what it read, a key that is not there included: KV's least.
REMEMBER_S = 30
PATIENCE_MS = 500  # a KV that is slower than this saves little


class KvStore:
    """Of one request, whose `ctx` the writing outlives."""

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
