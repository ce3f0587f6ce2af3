"""Runs jobs of the queue in the agent itself, each under a lease.

A job is never lost: its run ends it, makes it wait for another attempt, or lets its lease expire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import NamedTuple, TypeVar

from agent.core.capabilities.execution import CAPABILITIES, CapabilityCall, run_job
from agent.core.capabilities.results import Stream
from agent.core.isolate.agent import Agent
from agent.core.jobs.inputs import JobInputs, inputs_of, with_inputs
from agent.core.jobs.payload import read_payload
from agent.core.refused import Refused, Unavailable
from agent.queue.database import DatabaseUnavailable
from agent.queue.job import Contradiction, Freeing, Invalid, Job, JobState

T = TypeVar("T")
# A run of Python may take 30 s, and its isolate a minute to start.
LEASE_MS = 120_000
# Each sends seven statements to the database, and D1 takes a thousand from a request.
MAX_RUNS = 120
# Each time, the database adapter has retried for a second or two.
KEEP_TRIES, KEEP_PAUSE_MS = 4, 2_000
MAX_WAIT_MS = 10_000  # for the next attempt, before it is left to cron
# In local development one thread runs everything. So after a job the agent pauses as long as the
# job took, before it ends the job and its tenant may have the next one: other requests can run.
MAX_REST_MS = 1_000
NOT_STREAMED = "a job of the queue cannot stream: leave `stream` out, or send it to /execute"


class JobRun(NamedTuple):
    """The result of a run. `state`: the job's state now; `is_ours`: this run has set it. `outcome`:
    fields of the response, if it completed. `is_passing`: another attempt may succeed."""

    state: JobState | None
    is_ours: bool
    took_ms: float
    outcome: Mapping[str, object] | None = None
    error: str | None = None
    more: Mapping[str, object] = {}
    is_passing: bool = False


class Failure(NamedTuple):
    error: str
    more: Mapping[str, object]
    is_passing: bool


def run_leased(agent: Agent, job: Job, worker: str, rests: bool = False) -> JobRun:
    """Runs a job that `worker` has leased. `rests`: no client waits for the response."""
    began = agent.clock()
    result = _run(agent, job)
    took = max(0.0, agent.clock() - began)
    if rests and agent.settings.is_development:
        agent.pause(min(took, MAX_REST_MS))
    if not isinstance(result, Failure):
        text = json.dumps(result, separators=(",", ":"), ensure_ascii=False)
        change = _surely(
            agent,
            lambda: agent.jobs().complete(job.key, worker, job.attempt, text, round(agent.now())),
        )
        if isinstance(change, Freeing):
            agent.soon("run")
        if isinstance(change, Contradiction):
            return JobRun(change.state, False, took)
        if not isinstance(change, Invalid):
            agent.metrics.jobs[job.capability, "completed"] += 1
            return JobRun(change.state, change.is_done, took, result)
        result = Failure(f"the result cannot be kept: it {change.message}", {}, False)
    agent.metrics.jobs[job.capability, "failed"] += 1
    ended = _surely(
        agent,
        lambda: agent.jobs().fail(
            *(job.key, worker, job.attempt, error_text(result), round(agent.now())),
            result.is_passing,
            agent.rng(),
        ),
    )
    is_ours = not isinstance(ended, Contradiction) and ended.is_done
    return JobRun(ended.state, is_ours, took, None, result.error, result.more, result.is_passing)


def _surely(agent: Agent, ask: Callable[[], Coroutine[object, None, T]]) -> T:
    """Asks the queue again if it is unavailable for a while, so that finished work is not lost.
    Raises `DatabaseUnavailable` if it stays so."""
    for _ in range(KEEP_TRIES - 1):
        try:
            return agent.wait(ask())
        except DatabaseUnavailable:
            agent.pause(KEEP_PAUSE_MS)
    return agent.wait(ask())


def run_waiting(agent: Agent, until_ms: float) -> int:
    """Runs waiting jobs until none is left or time is up. Returns how many it ran.

    It waits for jobs whose next attempt is near. After `MAX_RUNS` another request continues."""
    number, retry_until_ms = 0, 0.0
    while agent.now() < until_ms:
        if number == MAX_RUNS:
            agent.soon("run")
            break
        now, worker = round(agent.now()), agent.who.id
        work = agent.jobs().lease(
            *(worker, list(CAPABILITIES), 1, LEASE_MS, now, agent.new_id()), dispatch="edge"
        )
        found = agent.wait(work)
        if isinstance(found, Invalid):
            raise ValueError(found.message)
        if found:
            number += 1
            run = run_leased(agent, found[0], worker, rests=True)
            if run.state == "waiting":
                retry_until_ms = agent.now() + MAX_WAIT_MS
        elif agent.now() < min(retry_until_ms, until_ms):
            agent.pause(1_000)
        else:
            break
    return number


def error_text(failure: Failure) -> str:
    """The error in one line, with its place in the code if that is known."""
    kind, line = failure.more.get("kind"), failure.more.get("line")
    at = "" if line is None else f" (line {line})"
    return f"{kind}: {failure.error}{at}" if kind else failure.error


def _run(agent: Agent, job: Job) -> Mapping[str, object] | Failure:
    try:
        payload = read_payload(job.payload)
        if payload.input.get("stream") is True:
            return Failure(NOT_STREAMED, {}, False)
        given = inputs_of(agent, [job]).get(job.key, JobInputs())
        if given.refused:
            return Failure(given.refused, {}, False)
        tools = agent.tools(job.key.tenant, payload.scopes)
        output = run_job(
            CapabilityCall(job.key.id, job.capability, with_inputs(job, payload.input, given)),
            tools,
        )
    except Refused as refused:
        return Failure(str(refused), refused.more, False)
    except Unavailable as error:
        return Failure(str(error), error.more, True)
    except Exception as error:
        agent.log(
            {"event": "job-error", "capability": job.capability, "error": type(error).__name__}
        )
        # It would fail again, and may have done anything.
        return Failure("the agent could not run this job", {}, False)
    if isinstance(output, Stream):
        return Failure(NOT_STREAMED, {}, False)
    return {"result": output.result, **output.more}
