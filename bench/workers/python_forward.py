"""The least a forwarder can do in Python, in the fastest form there is."""

from typing import Any

from pyodide.ffi import run_sync


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    return run_sync(env.BACKEND.fetch(request))
