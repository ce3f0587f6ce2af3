"""Runs users' Python in isolates of the Worker Loader.

The number of isolates is limited, in all and for each tenant; a job that finds none free waits for
a while.
"""

from __future__ import annotations

from secrets import token_hex

from agent.core.refused import Unavailable
from agent.edge.fetching.outbound import way_out
from agent.edge.runtime.bridge import pause
from agent.sandbox.execute import Outcome, PythonJob, execute
from agent.sandbox.isolates import LoadedIsolates
from agent.sandbox.pool import Pool
from workers_runtime.javascript import JsObject, now_ms

WAIT_MS = 20_000
LOOK_EVERY_MS = 100

_pools: list[Pool] = []  # the isolate's one, when there is one


class EdgePython:
    def __init__(self, env: JsObject, ctx: JsObject) -> None:
        binding = getattr(env, "LOADER", None)
        if binding is None:
            raise Unavailable("this Worker runs no Python: bind a Worker Loader to `LOADER`")
        self._isolates = LoadedIsolates(binding, ctx, way_out(env, ctx))

    def run(self, tenant: str, job: PythonJob) -> Outcome:
        pool, until = _pool(), now_ms() + WAIT_MS
        while not pool.has_room(tenant, now_ms()) and now_ms() < until:
            pause(LOOK_EVERY_MS)
        return execute(pool, self._isolates, tenant, job, now_ms)


def _pool() -> Pool:
    if not _pools:
        _pools.append(Pool(token_hex(8)))
    return _pools[0]
