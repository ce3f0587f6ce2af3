"""Between Python and JavaScript: every crossing of the agent stands here.

A crossing costs microseconds where Python code costs fractions of one, so what belongs
together crosses together.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import js
from pyodide.ffi import run_sync
from workers import import_from_javascript

from agent.core.answers import Answer
from agent.core.capabilities.tools import Stream

JsObject = Any  # a JsProxy; its attributes are JavaScript's
MODULE = "agent/edge/bridge.js"
_BODILESS = (204, 205, 304)

_parse = js.JSON.parse
_new_response = js.Response.new
# Not at import: a memory image can hold no JavaScript object.
_module: JsObject = None


class Asked(NamedTuple):
    """What a request says, but for its body; `now_ms`: since 1970."""

    now_ms: float
    method: str
    path: str
    query: str
    headers: dict[str, str]


def read(request: JsObject) -> Asked:
    global _module
    if _module is None:
        _module = import_from_javascript(MODULE)
    now, method, path, query, *headers = _module.read(request).split("\n")
    names, values = headers[::2], headers[1::2]
    return Asked(float(now), method, path, query, dict(zip(names, values, strict=True)))


def body_text(request: JsObject, most: int) -> str | None:
    """The body; None if it has more than `most` bytes."""
    text = run_sync(_module.text(request, most))
    return None if text is None else str(text)


def response(answer: Answer) -> JsObject:
    headers = [["content-type", answer.content_type], *map(list, answer.headers)]
    init = _parse(json.dumps({"status": answer.status, "headers": headers}))
    body = answer.body.body if isinstance(answer.body, Stream) else answer.body
    return _new_response(None if answer.status in _BODILESS else body, init)
