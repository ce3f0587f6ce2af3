"""Between Python and JavaScript: every crossing of the agent's own requests stands here.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import js
from pyodide.ffi import run_sync
from workers import import_from_javascript

from agent.core.capabilities.results import Stream
from agent.core.http.answers import Answer
from agent.core.http.call import Call

T = TypeVar("T")
JsObject = Any  # a JsProxy; its attributes are JavaScript's
MODULE = "agent/edge/bridge.js"
_BODILESS = (204, 205, 304)

_parse = js.JSON.parse
_new_response = js.Response.new
_now = js.Date.now
# Not at import: a memory image can hold no JavaScript object.
_loaded: JsObject = None


class Asked(NamedTuple):
    """What a request says, but for its body. `now_ms`: since 1970; `task`: what the agent asks of
    itself."""

    now_ms: float
    task: str
    method: str
    path: str
    query: str
    headers: dict[str, str]


def read(request: JsObject, ctx: JsObject) -> Asked:
    now, task, method, path, query, *headers = _module().read(request, ctx).split("\n")
    named = dict(zip(headers[::2], headers[1::2], strict=True))
    return Asked(float(now), task, method, path, query, named)


def call_of(request: JsObject, asked: Asked) -> Call:
    query = dict(parse_qsl(asked.query, keep_blank_values=True, errors="replace"))
    body = partial(body_text, request)
    return Call(asked.method, asked.path, query, asked.headers, asked.now_ms, body)


def body_text(request: JsObject, most: int) -> str | None:
    """The body; None if it has more than `most` bytes."""
    text = run_sync(_module().text(request, most))
    return None if text is None else str(text)


def response(answer: Answer) -> JsObject:
    headers = [["content-type", answer.content_type], *map(list, answer.headers)]
    if all(name != "cache-control" for name, _ in answer.headers):
        headers.append(["cache-control", "no-store"])  # of now, and often of one client's
    init = _parse(json.dumps({"status": answer.status, "headers": headers}))
    body = answer.body.body if isinstance(answer.body, Stream) else answer.body
    return _new_response(None if answer.status in _BODILESS else body, init)


def variables(env: JsObject) -> dict[str, str]:
    """The Worker's variables and secrets: its bindings that are text."""
    found: dict[str, str] = json.loads(_module().variables(env))
    return found


def now_ms() -> float:
    return float(_now())


def wait(work: Coroutine[Any, Any, T]) -> T:
    found: T = run_sync(work)
    return found


def pause(ms: float) -> None:
    run_sync(_module().pause(ms))


def soon(ctx: JsObject, task: str) -> None:
    """After the answer, in a request of the agent to itself."""
    _module().soon(ctx, task)


def _module() -> JsObject:
    global _loaded
    if _loaded is None:
        _loaded = import_from_javascript(MODULE)
    return _loaded
