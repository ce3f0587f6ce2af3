"""Builds the `Agent` of a request: the isolate's identity and its tools."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from functools import cache, partial
from secrets import randbits, token_hex

from agent.agents.agents import Agents
from agent.callbacks.callbacks import Callbacks
from agent.core.http.problem import Problem
from agent.core.http.responses import Response, json_response
from agent.core.identity import Identity, identity_of
from agent.core.isolate.agent import Agent
from agent.core.isolate.metrics import BacklogCache, Metrics
from agent.core.isolate.settings import Settings, settings_of
from agent.core.serving.background import RUN_FOR_MS, Slots, deliver, run, tick
from agent.edge.bindings.cache import store_of
from agent.edge.bindings.tools import EdgeTools
from agent.edge.d1.binding import d1_of
from agent.edge.fetching.callbacks import deliver as send_due
from agent.edge.runtime.bridge import pause, soon, variables, wait
from agent.queue.jobs import Jobs
from agent.queue.limits import Limits
from agent.records.records import Records
from agent.workers.workers import Workers
from workers_runtime.javascript import JsObject, now_ms

RUNS = 8  # at once: each holds a job, and no tenant more than half of them by itself
TICK_EVERY_MS = 10_000

_metrics = Metrics()
_backlog = BacklogCache()
_runs = Slots(RUNS, 2 * RUN_FOR_MS)
_deliveries = Slots(1, 2 * RUN_FOR_MS)
_ticks = Slots(1, TICK_EVERY_MS)
_deployed: tuple[Identity, Settings] | None = None


def agent_of(env: JsObject, ctx: JsObject) -> Agent:
    who, settings = _deployment(env)
    agent = Agent(
        who=who,
        settings=settings,
        metrics=_metrics,
        backlog=_backlog,
        clock=_clock,
        now=now_ms,
        rng=random.random,
        new_id=partial(token_hex, 8),
        tools=partial(EdgeTools, env, ctx),
        jobs=cache(partial(_jobs, env, settings.limits)),
        callbacks=cache(partial(_callbacks, env)),
        records=cache(partial(_records, env)),
        workers=cache(partial(_workers, env)),
        agents=cache(partial(_agents, env)),
        deliver=partial(_deliver, env),
        wait=wait,
        pause=pause,
        soon=partial(soon, ctx),
        log=log,
        store=partial(store_of, env, ctx),
    )
    if settings.is_development and _ticks.begin(now_ms()):
        agent.soon("tick")  # locally nothing triggers crons
    return agent


def task_of(agent: Agent, task: str) -> Response:
    if task == "run":
        run(agent, _runs)
    elif task == "deliver":
        deliver(agent, _deliveries)
    elif task == "tick":
        tick(agent)
    return json_response({"status": "done"})


def log(event: Mapping[str, object]) -> None:
    print(json.dumps(event))


def _jobs(env: JsObject, limits: Limits) -> Jobs:
    return Jobs(d1_of(_database(env)), limits)


def _callbacks(env: JsObject) -> Callbacks:
    return Callbacks(d1_of(_database(env)))


def _records(env: JsObject) -> Records:
    return Records(d1_of(_database(env)))


def _workers(env: JsObject) -> Workers:
    return Workers(d1_of(_database(env)))


def _agents(env: JsObject) -> Agents:
    return Agents(d1_of(_database(env)))


def _deliver(env: JsObject, for_ms: float) -> bool:
    return wait(send_due(env, round(for_ms))).is_more


def _database(env: JsObject) -> JsObject:
    binding = getattr(env, "JOBS", None)
    if binding is None:
        raise Problem(503, "this Worker has no queue: bind a D1 database to `JOBS`")
    return binding


def _clock() -> float:
    return time.perf_counter() * 1000


def _deployment(env: JsObject) -> tuple[Identity, Settings]:
    global _deployed
    if _deployed is None:
        values = variables(env)
        region, variant = values.get("REGION") or "global", values.get("VARIANT", "")
        who = identity_of(variant, region, randbits(32), now_ms())
        _deployed = who, settings_of(values)
    return _deployed
