"""Where workerd calls in.

For each request workerd's entry code reads `on_fetch` of the main module anew. At first that is
the function below. It hands the request, and with it the whole business of handling requests, to
`driver.js`: a handler that is JavaScript spares each request a stack of its own for Python
(docs/performance.md). The entry code is not documented, so there is a way back that needs no
upload: with the variable ROUTER_ENTRY=python the handler stays this function. What comes in
here is counted, so that the metrics show which way it is: once an isolate, or every time.
"""

from __future__ import annotations

import sys
from types import ModuleType

from router.edge.bridge import JsObject, exported, handler_of, promised
from router.edge.isolate import Isolate
from router.edge.proxy.driver import Driver
from router.edge.proxy.own_pages import own_page
from router.edge.this_isolate import ISOLATE

ENTRY = "ROUTER_ENTRY"
_handler: JsObject = None  # not at import: a memory image holds no JavaScript object


def on_fetch(request: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """Workers' `fetch` event."""
    global _handler
    ISOLATE.count("python_entries")
    if _handler is None:
        ISOLATE.configure(env)
        _handler = handler_of(_called_by_javascript(ISOLATE))
    if getattr(env, ENTRY, None) != "python":
        _hand_over(_handler)
    return _handler(request, env, ctx)


def _hand_over(handler: JsObject) -> None:
    """From now on workerd finds `handler` where it looks for `on_fetch`."""
    for module in list(sys.modules.values()):
        # Among the modules are the runtime's own, which are JavaScript.
        is_ours = isinstance(module, ModuleType) and module.__name__ != __name__
        if is_ours and vars(module).get("on_fetch") is on_fetch:
            vars(module)["on_fetch"] = handler


def _called_by_javascript(isolate: Isolate) -> JsObject:
    driver = Driver(isolate)
    return exported(
        decide=driver.decide,
        resume=driver.resume,
        failed=driver.failed,
        chores=isolate.do_chores,
        prepare=lambda env, ctx: promised(isolate.prepare(env, ctx)),
        learn=lambda colo, env: promised(isolate.learn_rollouts(colo, env)),
        page=lambda text, request, env, ctx: own_page(isolate, text, request, env),
    )
