"""Crossings to JavaScript that every Worker makes.

A crossing costs microseconds where Python code costs fractions of one, so what belongs together
crosses together. Modules are loaded within a request, never at import: a memory image can hold no
JavaScript object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import js
from pyodide.ffi import run_sync
from workers import import_from_javascript

JsObject = Any  # a JsProxy; its attributes are JavaScript's
BODIES = "workers_runtime/bodies.js"
BODILESS = (204, 205, 304)  # statuses whose answers have no body

_parse = js.JSON.parse
_new_response = js.Response.new
_now = js.Date.now


@cache
def module(path: str) -> JsObject:
    """Return a JavaScript module by its path in the upload. It is loaded once in an isolate."""
    return import_from_javascript(path)


def now_ms() -> float:
    """Return milliseconds since 1970. (`time.time()` runs ahead here: it grows with every call.)"""
    return float(_now())


def new_response(body: JsObject, status: int, headers: Sequence[Sequence[str]]) -> JsObject:
    """Return a `Response`. `body` is text, a stream or None."""
    init = _parse(json.dumps({"status": status, "headers": headers}))
    return _new_response(None if status in BODILESS else body, init)


def body_text(request: JsObject, most: int) -> str | None:
    """Return the body of a request as text; None if it has more than `most` bytes."""
    text = run_sync(module(BODIES).text(request.body, most))
    return None if text is None else str(text)
