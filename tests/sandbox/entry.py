"""A Worker that runs what it is sent in the sandbox: `{tenant, code, context, timeout_ms,
function, arguments}`. Its binding `SECRET` is what no code may find."""

import json

import js
from pyodide.ffi import run_sync

from agent.sandbox.execute import PythonJob, execute
from agent.sandbox.isolates import LoadedIsolates
from agent.sandbox.pool import Pool

pools = []


def on_fetch(request, env, ctx):
    if request.method == "GET":
        return js.Response.new("ready")
    if not pools:
        pools.append(Pool(js.crypto.randomUUID()))
    asked = json.loads(run_sync(request.text()))
    job = PythonJob(
        asked["code"],
        asked.get("context", {}),
        asked.get("timeout_ms", 5_000),
        asked.get("function"),
        asked.get("arguments", {}),
    )
    isolates = LoadedIsolates(env.LOADER, ctx)
    outcome = execute(pools[0], isolates, asked.get("tenant", "one"), job, js.Date.now)
    error = outcome.error._asdict() if outcome.error else None
    return js.Response.new(json.dumps({**outcome._asdict(), "error": error}))
