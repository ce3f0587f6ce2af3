"""Crossings between Python and JavaScript for the agent's own requests.

A crossing costs microseconds where Python code costs fractions of one, so related data crosses
together.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

from pyodide.ffi import run_sync

from agent.core.capabilities.results import Stream
from agent.core.http.call import Call
from agent.core.http.responses import Response
from workers_runtime.javascript import JsObject, body_text, module, new_response

T = TypeVar("T")
MODULE = "agent/edge/runtime/bridge.js"


class RequestHead(NamedTuple):
    """A request without its body. `now_ms`: since 1970; `task`: background work that the agent
    starts itself."""

    now_ms: float
    task: str
    method: str
    path: str
    query: str
    headers: dict[str, str]


def read(request: JsObject, ctx: JsObject) -> RequestHead:
    now, task, method, path, query, *headers = module(MODULE).read(request, ctx).split("\n")
    named = dict(zip(headers[::2], headers[1::2], strict=True))
    return RequestHead(float(now), task, method, path, query, named)


def call_of(request: JsObject, head: RequestHead) -> Call:
    query = dict(parse_qsl(head.query, keep_blank_values=True, errors="replace"))
    body = partial(body_text, request)
    return Call(head.method, head.path, query, head.headers, head.now_ms, body)


def response(answer: Response) -> JsObject:
    headers = [["content-type", answer.content_type], *map(list, answer.headers)]
    if all(name != "cache-control" for name, _ in answer.headers):
        headers.append(["cache-control", "no-store"])  # of now, and often of one client's
    body = answer.body.body if isinstance(answer.body, Stream) else answer.body
    return new_response(body, answer.status, headers)


def variables(env: JsObject) -> dict[str, str]:
    """The Worker's variables and secrets: its bindings that are text."""
    found: dict[str, str] = json.loads(module(MODULE).variables(env))
    return found


def wait(work: Coroutine[object, None, T]) -> T:
    found: T = run_sync(work)
    return found


def pause(ms: float) -> None:
    run_sync(module(MODULE).pause(ms))


def soon(ctx: JsObject, task: str) -> None:
    """After the answer, in a request of the agent to itself."""
    module(MODULE).soon(ctx, task)
