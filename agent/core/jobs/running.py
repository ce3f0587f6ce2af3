"""Jobs of the queue that the agent runs itself: each under a lease, to its end.

Whatever happens to a run, its job is not lost: it ends, waits for another attempt, or its
lease runs out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar

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
# Each asks the database seven things, and D1 answers a request a thousand times.
MAX_RUNS = 120
# The database has tried for a second or two by itself each time.
KEEP_TRIES, KEEP_PAUSE_MS = 4, 2_000
MAX_WAIT_MS = 10_000  # for the next attempt, before it is left to cron
# On one's own machine one thread runs all. So after a job that computed, and before it is told and
# its tenant may have the next one, there is a rest of the same length: others' requests get on.
MAX_REST_MS = 1_000
NOT_STREAMED = "a job of the queue cannot stream: leave `stream` out, or send it to /execute"


class JobRun(NamedTuple):
    """What came of a run. `state`: the job's since then; `is_ours`: the run has decided it.
    `outcome`: fields of the answer if it went well. `is_passing`: what failed may go well."""

    state: JobState | None
    is_ours: bool
    took_ms: float
    outcome: Mapping[str, Any] | None = None
    error: str | None = None
    more: Mapping[str, Any] = {}
    is_passing: bool = False


class Failure(NamedTuple):
    error: str
    more: Mapping[str, Any]
    is_passing: bool


def run_leased(agent: Agent, job: Job, worker: str, rests: bool = False) -> JobRun:
    """Run a job that `worker` has leased. `rests`: nobody waits for the answer."""
    began = agent.clock()
    done = _run(agent, job)
    took = max(0.0, agent.clock() - began)
    if rests and agent.settings.is_development:
        agent.pause(min(took, MAX_REST_MS))
    if not isinstance(done, Failure):
        text = json.dumps(done, separators=(",", ":"), ensure_ascii=False)
        told = _surely(
            agent,
            lambda: agent.jobs().complete(job.key, worker, job.attempt, text, round(agent.now())),
        )
        if isinstance(told, Freeing):
            agent.soon("run")
        if isinstance(told, Contradiction):
            return JobRun(told.state, False, took)
        if not isinstance(told, Invalid):
            agent.metrics.jobs[job.capability, "completed"] += 1
            return JobRun(told.state, told.is_done, took, done)
        done = Failure(f"the result cannot be kept: it {told.message}", {}, False)
    agent.metrics.jobs[job.capability, "failed"] += 1
    ended = _surely(
        agent,
        lambda: agent.jobs().fail(
            *(job.key, worker, job.attempt, kept_error(done), round(agent.now())),
            done.is_passing,
            agent.rng(),
        ),
    )
    is_ours = not isinstance(ended, Contradiction) and ended.is_done
    return JobRun(ended.state, is_ours, took, None, done.error, done.more, done.is_passing)


def _surely(agent: Agent, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the queue says, also if it is away for a while: work that is done is not lost for
    that. Raises `DatabaseUnavailable` if it stays away."""
    for _ in range(KEEP_TRIES - 1):
        try:
            return agent.wait(ask())
        except DatabaseUnavailable:
            agent.pause(KEEP_PAUSE_MS)
    return agent.wait(ask())


def run_waiting(agent: Agent, until_ms: float) -> int:
    """Run what waits for the agent, until nothing does or the time is over; how many it was.

    Jobs whose next attempt is near are waited for. After `MAX_RUNS` another request goes on."""
    number, retry_until_ms = 0, 0.0
    while agent.now() < until_ms:
        if number == MAX_RUNS:
            agent.soon("run")
            break
        now, worker = round(agent.now()), agent.who.id
        asked = agent.jobs().lease(
            *(worker, list(CAPABILITIES), 1, LEASE_MS, now, agent.new_id()), dispatch="edge"
        )
        found = agent.wait(asked)
        if isinstance(found, Invalid):
            raise ValueError(found.message)
        if found:
            number += 1
            ran = run_leased(agent, found[0], worker, rests=True)
            if ran.state == "waiting":
                retry_until_ms = agent.now() + MAX_WAIT_MS
        elif agent.now() < min(retry_until_ms, until_ms):
            agent.pause(1_000)
        else:
            break
    return number


def kept_error(failure: Failure) -> str:
    """The error in a line, with where it was if that is known."""
    kind, line = failure.more.get("kind"), failure.more.get("line")
    at = "" if line is None else f" (line {line})"
    return f"{kind}: {failure.error}{at}" if kind else failure.error


def _run(agent: Agent, job: Job) -> Mapping[str, Any] | Failure:
    try:
        asked = read_payload(job.payload)
        if asked.input.get("stream") is True:
            return Failure(NOT_STREAMED, {}, False)
        given = inputs_of(agent, [job]).get(job.key, JobInputs())
        if given.refused:
            return Failure(given.refused, {}, False)
        tools = agent.tools(job.key.tenant, asked.scopes)
        made = run_job(
            CapabilityCall(job.key.id, job.capability, with_inputs(job, asked.input, given)), tools
        )
    except Refused as refused:
        return Failure(str(refused), refused.more, False)
    except Unavailable as error:
        return Failure(str(error), error.more, True)
    except Exception as error:
        agent.log(
            {"event": "job-error", "capability": job.capability, "error": type(error).__name__}
        )
        # It would fail again, and nobody knows what it has done.
        return Failure("the agent could not run this job", {}, False)
    if isinstance(made, Stream):
        return Failure(NOT_STREAMED, {}, False)
    return {"result": made.result, **made.more}
