"""Sends the record of each request to Analytics Engine and to D1: one crossing, after the answer.
Rows wait in the isolate for a second and are written together in the background, which the first of
them starts (`recording.js`).

The statement is idempotent, so it is retried after any error. A row never fails or slows a request:
rows that do not fit, and those that D1 refuses, are counted as lost.
"""

from __future__ import annotations

import json
from functools import cache

from agent.records.statements import WRITE
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/d1/recording.js"
WAIT_MS = 1_000
MOST = 1_000  # waiting rows, of about 400 bytes each: the answers of an isolate in a second
OVERDUE_MS = 5_000
AGAIN_MS = (250, 500, 1_000)  # half of each wait is random


def record(env: JsObject, ctx: JsObject, point: str) -> int:
    """How many rows the isolate has lost so far."""
    return int(_prepared().record(env, ctx, point))


@cache
def _prepared() -> JsObject:
    """The module of JavaScript, configured once in an isolate."""
    found = module(MODULE)
    found.prepare(plan())
    return found


def plan() -> str:
    waits = {"waitMs": WAIT_MS, "overdueMs": OVERDUE_MS, "againMs": AGAIN_MS}
    return json.dumps({"sql": WRITE, "most": MOST, **waits})
