"""Between Python and JavaScript: every crossing of the request path stands here.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together: `bridge.js` does in one call what would take ten from here.
"""

from __future__ import annotations

import json
from asyncio import ensure_future
from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple

import js
from pyodide.ffi import JsException, create_proxy, jsnull, run_sync, to_js
from workers import import_from_javascript

from policies.decisions.headers import Changes
from policies.decisions.request import Client

JsObject = Any  # a JsProxy; its attributes are JavaScript's
MODULE = "router/edge/bridge.js"
LIMITER = "ROUTER_LIMITER"  # the binding of the class `Limiter`

_parse = js.JSON.parse
_new_response = js.Response.new
_now = js.Date.now
# The functions of bridge.js. Not at import: a memory image can hold no JavaScript object.
_read: JsObject = None
_send: JsObject = None
_answer: JsObject = None
_ask: JsObject = None
_give_back: JsObject = None


def load() -> None:
    """Load `bridge.js`, once in an isolate; within a request."""
    global _read, _send, _answer, _ask, _give_back
    module = import_from_javascript(MODULE)
    _read, _send, _answer = module.read, module.send, module.answer
    _ask, _give_back = module.ask, module.giveBack


class Arrived(NamedTuple):
    """A request as it came in; `headers` has lower-case names, repeated ones joined."""

    now_ms: float
    method: str
    url: str
    headers: dict[str, str]
    client: Client


def read(request: JsObject) -> Arrived:
    """All that decisions need, in one crossing."""
    if _read is None:
        load()
    now, method, url, colo, country, continent, *lines = _read(request).split("\n")
    headers = dict(zip(lines[::2], lines[1::2], strict=True))
    client = Client(headers.get("cf-connecting-ip", ""), colo, country, continent)
    return Arrived(float(now), method, url, headers, client)


def now_ms() -> float:
    """Milliseconds since 1970. (`time.time()` runs ahead here: it grows with every call.)"""
    return float(_now())


def new_answer(body: str, status: int, headers: list[tuple[str, str]]) -> JsObject:
    """An answer of the router's own."""
    init = _parse(json.dumps({"status": status, "headers": headers}))
    return _new_response(body if status not in (204, 205, 304) else None, init)


def send(
    env: JsObject,
    binding: str,
    request: JsObject,
    respelled: str | None,
    changes: Changes,
    timeout_ms: int,
) -> JsObject | None:
    """The answer to `request` with changed headers, and with another URL if there is one,
    as soon as it begins; None if the binding is no service. `timeout_ms` 0: no limit."""
    removed, added = "\n".join(changes.removed), _lines(changes.added)
    answer = _send(env, binding, request, respelled, removed, added, timeout_ms)
    return None if answer is None else run_sync(answer)


def answer_with(response: JsObject, added: Mapping[str, str], cookie: str) -> JsObject:
    """A variant's answer with headers added; its body passes through unread."""
    return _answer(response, _lines(added), cookie)


def ask_limiter(env: JsObject, name: str, question: str, timeout_ms: int) -> str:
    """What the limiter of that name answers; raises `JsException` if it does not."""
    return str(run_sync(_ask(env, LIMITER, name, question, timeout_ms)))


def give_back(env: JsObject, name: str, returned: str, ctx: JsObject) -> None:
    """Give the limiter of that name something back, after the answer."""
    _give_back(env, LIMITER, name, returned, ctx)


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join([text for pair in headers.items() for text in pair])


def in_background(ctx: JsObject, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` after the answer; the runtime keeps the request's context alive for it."""
    task = ensure_future(work)
    proxy = create_proxy(task)  # a borrowed one would be gone when `waitUntil` returns
    task.add_done_callback(lambda _: proxy.destroy())
    ctx.waitUntil(proxy)


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


__all__ = [
    "Arrived",
    "JsException",
    "JsObject",
    "KvNamespace",
    "answer_with",
    "ask_limiter",
    "give_back",
    "in_background",
    "new_answer",
    "now_ms",
    "read",
    "run_sync",
    "send",
]
