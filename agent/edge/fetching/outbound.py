"""The network of Python in the sandbox: off, or guarded by the agent.

With `PYTHON_NETWORK` set to `guarded`, isolates send their requests to the agent itself, as the
task `outbound`, and `passing.py` forwards them.
"""

from __future__ import annotations

import json

from pyodide.ffi import run_sync

from agent.core.refused import Unavailable
from agent.core.web.passing import passed_on, refusal_response
from agent.edge.fetching.web import web_of
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/fetching/outbound.js"
TASK = "outbound"
VARIABLE, CHOICES = "PYTHON_NETWORK", ("off", "guarded")
MAX_BODY = 1024 * 1024  # bytes of a request's body


def way_out(env: JsObject, ctx: JsObject) -> JsObject | None:
    """The service that isolates send requests through; None without a network. Raises
    `Unavailable`."""
    chosen = str(getattr(env, VARIABLE, None) or CHOICES[0])
    if chosen not in CHOICES:
        raise Unavailable(f"the agent's variable {VARIABLE} is wrong: write off or guarded")
    return module(MODULE).way(ctx, TASK) if chosen == "guarded" else None


def pass_on(request: JsObject, env: JsObject) -> JsObject:
    """The answer to a request of an isolate."""
    way = module(MODULE)
    text = run_sync(way.sent(request, MAX_BODY))
    if text is None:
        passed = refusal_response(403, f"a body is text in UTF-8, of at most {MAX_BODY:,} bytes")
    else:
        fields = json.loads(text)
        passed = passed_on(
            web_of(env), fields["method"], fields["url"], fields["headers"], fields["body"]
        )
    head = json.dumps({"status": passed.status, "headers": passed.headers})
    return way.answer(head, passed.held.handle if passed.held else passed.text)
