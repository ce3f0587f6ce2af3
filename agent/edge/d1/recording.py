"""Each request's record on its way to Analytics Engine and to D1: one crossing, after the answer
is made. Rows wait in the isolate for a second and are written together, in the background: the
first of them starts that (`recording.js`).

The statement may be repeated, so it is tried again whatever went wrong. A row is no reason to
fail or to slow a request: what does not fit, and what D1 does not take, is counted as lost.
"""

from __future__ import annotations

import json
from functools import cache

from agent.records.statements import WRITE
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/d1/recording.js"
WAIT_MS = 1_000
MOST = 1_000  # rows that wait: what an isolate answers in a second, at about 400 bytes each
OVERDUE_MS = 5_000
AGAIN_MS = (250, 500, 1_000)  # of each wait a half is drawn


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
