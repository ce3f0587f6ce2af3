"""Between Python and JavaScript: every crossing of the request path stands here.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together: `bridge.js` does in one call what would take ten from here.
"""

from __future__ import annotations

import json
from asyncio import ensure_future
from collections.abc import Callable, Coroutine
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy, jsnull, run_sync, to_js
from workers import import_from_javascript

from policies.decisions.changes import Pairs
from policies.decisions.drill import InFront

JsObject = Any  # a JsProxy; its attributes are JavaScript's
MODULE = "router/edge/runtime/bridge.js"
DRIVER = "router/edge/proxy/driver.js"
COORDINATOR = "ROUTER_COORDINATOR"  # the binding of the class `Coordinator`
THE_ONE = "global"  # the name of its one object

_parse = js.JSON.parse
_new_response = js.Response.new
_now = js.Date.now
_module: JsObject = None  # bridge.js. Not at import: a memory image holds no JavaScript object


def _js() -> JsObject:
    """`bridge.js`, loaded once in an isolate; within a request."""
    global _module
    if _module is None:
        _module = import_from_javascript(MODULE)
    return _module


def has_flag(name: str) -> bool:
    """Whether this Worker has a compatibility flag."""
    return bool(getattr(js.Cloudflare.compatibilityFlags, name, False))


def exported(**functions: Callable[..., Any]) -> JsObject:
    """A JavaScript object with these functions, for as long as the isolate lives."""
    found = js.Object.new()
    for name, function in functions.items():
        setattr(found, name, create_proxy(function))
    return found


def driver() -> JsObject:
    """`driver.js`: `handler` makes the Worker's handler."""
    return import_from_javascript(DRIVER)


def now_ms() -> float:
    """Milliseconds since 1970. (`time.time()` runs ahead here: it grows with every call.)"""
    return float(_now())


def new_answer(body: JsObject, status: int, headers: Pairs) -> JsObject:
    """An answer of the router's own; `body` is text, a stream or None."""
    init = _parse(json.dumps({"status": status, "headers": headers}))
    return _new_response(body if status not in (204, 205, 304) else None, init)


async def ask_coordinator(env: JsObject, method: str, question: str, timeout_ms: int) -> str:
    """What the Coordinator answers; raises `JsException` if it does not."""
    return str(await _js().ask(env, COORDINATOR, THE_ONE, method, question, timeout_ms))


async def probe(
    env: JsObject,
    binding: str,
    url: str,
    headers: Pairs,
    timeout_ms: int,
    most: int,
    drill: InFront = None,
) -> tuple[int, str]:
    """The status of an answer and at most `most` bytes of its body; raises `JsException` if
    there is none in time."""
    fixed = "\n".join([text for pair in headers for text in pair])
    answer = str(await _js().probe(env, binding, url, fixed, timeout_ms, most, drill))
    status, _, body = answer.partition("\n")
    return int(status), body


async def ask_service(
    env: JsObject, binding: str, url: str, document: str, timeout_ms: int
) -> tuple[int, str]:
    """The status of the answer to a POST of JSON, and the beginning of its body; raises
    `JsException` if there is none in time."""
    answer = str(await _js().askService(env, binding, url, document, timeout_ms))
    status, _, text = answer.partition("\n")
    return int(status), text


def body_text(request: JsObject, most: int) -> str | None:
    """Its body as text; None if it has more than `most` bytes."""
    text = run_sync(_js().text(request, most))
    return None if text is None else str(text)


def unwrapped(env: JsObject) -> JsObject:
    """The bindings themselves: in Durable Objects the SDK wraps them."""
    return getattr(env, "_env", env)


def in_background(ctx: JsObject, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` after the answer; the runtime keeps the request's context alive for it."""
    task = ensure_future(work)
    proxy = create_proxy(task)  # a borrowed one would be gone when `waitUntil` returns
    task.add_done_callback(lambda _: proxy.destroy())
    ctx.waitUntil(proxy)


def promised(work: Coroutine[Any, Any, None]) -> JsObject:
    """`work` under way, as something that JavaScript can wait for, and must destroy."""
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
    "in_background",
    "new_answer",
    "now_ms",
    "probe",
    "promised",
    "run_sync",
    "unwrapped",
]
