"""Between Python and JavaScript: every crossing of the request path stands here.

A crossing costs microseconds where Python code costs fractions of one, so what is read
together crosses together, as JSON; a copied request with a few headers set costs less than
one built anew from all of them. JavaScript's functions are looked up once.
"""

from __future__ import annotations

import json
from asyncio import ensure_future
from collections.abc import Coroutine
from functools import cache
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy, jsnull, run_sync, to_js

from policies.decisions.headers import Changes

JsObject = Any  # a JsProxy; its attributes are JavaScript's

_stringify = js.JSON.stringify
_parse = js.JSON.parse
_from_entries = js.Object.fromEntries
_new_request = js.Request.new
_new_response = js.Response.new
_new_object = js.Object.new
_timeout = js.AbortSignal.timeout
_now = js.Date.now


def now_ms() -> float:
    """Milliseconds since 1970. (`time.time()` runs ahead here: it grows with every call.)"""
    return float(_now())


def read_headers(request: JsObject) -> dict[str, str]:
    """All headers in one crossing; names come in lower case, repeated ones joined."""
    headers: dict[str, str] = json.loads(_stringify(_from_entries(request.headers)))
    return headers


def read_place(request: JsObject) -> dict[str, str]:
    """`colo`, `country` and `continent`, as far as Cloudflare knows them."""
    cf = request.cf
    if cf is None or cf is jsnull:
        return {}
    place = json.loads(_stringify(cf, _cf_fields()))
    return {name: value for name, value in place.items() if isinstance(value, str)}


@cache
def _cf_fields() -> JsObject:
    """Not at import: the memory image can hold JavaScript's globals, but no new objects."""
    return to_js(["colo", "country", "continent"])


def new_answer(body: str, status: int, headers: list[tuple[str, str]]) -> JsObject:
    """An answer of the router's own."""
    init = _parse(json.dumps({"status": status, "headers": headers}))
    return _new_response(body if status not in (204, 205, 304) else None, init)


def outbound_request(
    incoming: JsObject, respelled: str | None, changes: Changes, timeout_ms: int
) -> JsObject:
    """`incoming` with changed headers, and with another URL if there is one; its body is
    passed on unread. Its `fetch` is broken off if no answer begins within `timeout_ms`;
    an answer that has begun is not (0: it may take forever)."""
    base = _new_request(respelled, incoming) if respelled else incoming
    if timeout_ms:
        init = _new_object()
        init.signal = _timeout(timeout_ms)
        outbound = _new_request(base, init)
    else:
        outbound = _new_request(base)
    headers = outbound.headers
    for name in changes.removed:
        headers.delete(name)
    put = headers.set  # looked up once: that is a crossing too
    for name, value in changes.added.items():
        put(name, value)
    return outbound


def answer_with(response: JsObject, added: dict[str, str], cookie: str) -> JsObject:
    """A variant's answer with headers added; its body passes through unread."""
    answer = _new_response(response.body, response)
    headers = answer.headers
    put = headers.set
    for name, value in added.items():
        put(name, value)
    if cookie:
        headers.append("set-cookie", cookie)
    return answer


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
    "JsException",
    "JsObject",
    "KvNamespace",
    "answer_with",
    "in_background",
    "new_answer",
    "now_ms",
    "outbound_request",
    "read_headers",
    "read_place",
    "run_sync",
]
