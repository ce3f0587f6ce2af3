"""Where workerd calls in.

For each request workerd's entry code reads `on_fetch` of the main module anew. At first that is
the function below. It loads `driver.js` and puts the handler of that module in its own place: with
a JavaScript handler, a request needs no Python stack of its own (docs/performance.md). The entry
code is not documented, so there is a way back without an upload: with the variable
ROUTER_ENTRY=python the handler stays this function. Requests that come in here are counted, so the
metrics show which handler runs: one request for each isolate, or all of them.

The entry code reads the handler, and whether the module is a promise, through a proxy of the main
module, which looks up each name in Python. `handOver` sets properties on that proxy, which are
found first.
"""

from __future__ import annotations

import sys
from types import ModuleType

from router.edge.isolate.isolate import Isolate
from router.edge.isolate.this_isolate import ISOLATE
from router.edge.proxy.driver import Driver
from router.edge.proxy.repeating import Repeating
from router.edge.runtime.bridge import JsObject, driver, exported, promised

ENTRY = "ROUTER_ENTRY"  # "python": the way back
MEMORY = "ROUTER_MEMORY"  # "off": repeat no decision; "check": compare each one
_handler: JsObject = None  # not at import: a memory image holds no JavaScript object


def on_fetch(request: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """Workers' `fetch` event."""
    global _handler
    ISOLATE.count("python_entries")
    if _handler is None:
        _handler = _load_handler(ISOLATE, env)
    if getattr(env, ENTRY, None) != "python":
        _hand_over(_handler)
    return _handler(request, env, ctx)


def _load_handler(isolate: Isolate, env: JsObject) -> JsObject:
    """The JavaScript handler, with the Python functions that it calls."""
    isolate.configure(env)
    module = driver()
    mode = str(getattr(env, MEMORY, None) or "on")
    module.setMode(mode)
    calls = (module.forget, module.drop, module.reclaim)
    repeating = Repeating(isolate, *calls, may_repeat=mode != "off")
    decider = Driver(isolate, repeating)
    return module.handler(
        exported(
            decide=decider.decide,
            resume=decider.resume,
            retake=decider.retake,
            check=decider.check,
            heard=decider.heard,
            failed=decider.failed,
            chores=decider.do_chores,
            prepare=lambda env, ctx: promised(decider.prepare(env, ctx)),
            learn=lambda colo, env: promised(decider.learn(colo, env)),
            page=decider.own_page,
        )
    )


def _hand_over(handler: JsObject) -> None:
    """Make `handler` the `on_fetch` that workerd finds."""
    for module in list(sys.modules.values()):
        # Among the modules are the runtime's own, which are JavaScript.
        is_ours = isinstance(module, ModuleType) and module.__name__ != __name__
        if is_ours and vars(module).get("on_fetch") is on_fetch:
            vars(module)["on_fetch"] = handler
            driver().handOver(module, handler)
