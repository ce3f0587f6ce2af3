"""Crossings between Python and JavaScript in the background and for the router's own pages.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together: one call of `bridge.js` replaces ten from here.
"""

from __future__ import annotations

from asyncio import ensure_future
from collections.abc import Callable, Coroutine

import js
from pyodide.ffi import JsException, create_proxy, jsnull, run_sync, to_js

from policies.http.changes import Pairs
from policies.resilience.drill import InFront
from router.edge.runtime.guard import ALLOW_PRIVATE, LOCAL_FLAG, RESOLVER, UrlGuard
from workers_runtime.javascript import JsObject, body_text, module, new_response, now_ms

MODULE = "router/edge/runtime/bridge.js"
DRIVER = "router/edge/proxy/driver.js"
OUTBOUND = "router/edge/runtime/outbound.js"
COORDINATOR = "ROUTER_COORDINATOR"  # the binding of the class `Coordinator`
THE_ONE = "global"  # the name of its one object


def has_flag(name: str) -> bool:
    """Whether this Worker has a compatibility flag."""
    return bool(getattr(js.Cloudflare.compatibilityFlags, name, False))


def exported(**functions: Callable[..., object]) -> JsObject:
    """A JavaScript object with these functions, for as long as the isolate lives."""
    functions_object = js.Object.new()
    for name, function in functions.items():
        setattr(functions_object, name, create_proxy(function))
    return functions_object


def driver() -> JsObject:
    """`driver.js`: `handler` makes the Worker's handler."""
    return module(DRIVER)


def guard_outbound(env: JsObject) -> bool:
    """Set the guard of what is sent to URLs, as the Worker's variables say. Returns whether these
    may lead into private networks."""
    resolver = str(getattr(env, RESOLVER, None) or "")
    allow_private = bool(getattr(env, ALLOW_PRIVATE, None)) and has_flag(LOCAL_FLAG)
    guard = UrlGuard(resolver, allow_private=allow_private)
    module(OUTBOUND).setGuard(exported(judge=guard.judge, look_up=guard.look_up))
    return allow_private


async def ask_coordinator(env: JsObject, method: str, question: str, timeout_ms: int) -> str:
    """The Coordinator's answer. Raises `JsException` if there is none in time."""
    return str(await module(MODULE).ask(env, COORDINATOR, THE_ONE, method, question, timeout_ms))


async def probe(
    env: JsObject,
    upstream: str,
    url: str,
    headers: Pairs,
    timeout_ms: int,
    most: int,
    drill: InFront = None,
) -> tuple[int, str]:
    """The status of an answer and at most `most` bytes of its body; raises `JsException` if
    there is none in time."""
    fixed = "\n".join([text for pair in headers for text in pair])
    answer = str(await module(MODULE).probe(env, upstream, url, fixed, timeout_ms, most, drill))
    status, _, body = answer.partition("\n")
    return int(status), body


async def ask_service(
    env: JsObject, binding: str, url: str, document: str, timeout_ms: int
) -> tuple[int, str]:
    """The status of the answer to a POST of JSON, and the beginning of its body; raises
    `JsException` if there is none in time."""
    answer = str(await module(MODULE).askService(env, binding, url, document, timeout_ms))
    status, _, text = answer.partition("\n")
    return int(status), text


def unwrapped(env: JsObject) -> JsObject:
    """The bindings themselves: in Durable Objects the SDK wraps them."""
    return getattr(env, "_env", env)


def in_background(ctx: JsObject, work: Coroutine[object, None, None]) -> None:
    """Do `work` after the answer; the runtime keeps the request's context alive for it."""
    task = ensure_future(work)
    proxy = create_proxy(task)  # a borrowed one would be gone when `waitUntil` returns
    task.add_done_callback(lambda _: proxy.destroy())
    ctx.waitUntil(proxy)


def promised(work: Coroutine[object, None, None]) -> JsObject:
    """`work` as a promise for JavaScript, which must destroy it."""
    return create_proxy(ensure_future(work))


class KvNamespace:
    """Workers KV with Python's bytes; None for a missing key."""

    def __init__(self, binding: JsObject) -> None:
        self._binding = binding

    async def get(self, key: str) -> bytes | None:
        if self._binding is None:
            raise LookupError("no KV namespace is bound to POLICIES")
        value = await self._binding.get(key, "arrayBuffer")
        return None if value is None or value is jsnull else bytes(value.to_bytes())

    async def put(self, key: str, value: bytes) -> None:
        await self._binding.put(key, to_js(value))

    async def delete(self, key: str) -> None:
        await self._binding.delete(key)


__all__ = [
    "JsException",
    "JsObject",
    "KvNamespace",
    "ask_coordinator",
    "ask_service",
    "body_text",
    "driver",
    "exported",
    "guard_outbound",
    "in_background",
    "new_response",
    "now_ms",
    "probe",
    "promised",
    "run_sync",
    "unwrapped",
]
