"""`POST /execute`: runs a job and responds when it has ended. `shapes.py` tells which kind of job
it is.

- A job in the body runs at once and is not stored.
- A lease, as `/poll` gave it: the agent takes it over and runs the job; the result is in the queue
  before the response is sent. Further fields of the job must match the job in the queue.
- An activation is put into the queue, then run. If it is sent again it is not run again: the
  response has its result, even if another isolate runs it.
"""

from __future__ import annotations

import json

from agent.core.api.activations import submitted
from agent.core.api.polling import Lease, read_lease
from agent.core.capabilities.cache import run_or_recall
from agent.core.capabilities.execution import CAPABILITIES, CapabilityCall, unknown_capability
from agent.core.capabilities.results import Stream
from agent.core.http import responses
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import read_any_object, text_of
from agent.core.http.responses import Response
from agent.core.isolate.agent import Agent
from agent.core.jobs.activation import ID, ID_TEXT
from agent.core.jobs.inputs import JobInputs, inputs_of
from agent.core.jobs.running import LEASE_MS, JobRun, run_leased
from agent.core.jobs.shapes import (
    ACTIVATION,
    ACTIVATION_SHAPES,
    EXECUTE_SHAPES,
    HANDED_OUT,
    JOB,
    LEASED,
    Shape,
    as_capability,
    shape_of,
)
from agent.core.jobs.to_dict import job_to_dict, outcome_of
from agent.core.refused import Refused, Unavailable
from agent.queue.job import Invalid, Job
from agent.records.request import Facts
from workers_runtime.json_text import JsonObject, Parsed

FIELD = "activation_data"  # of POST /activations: what is `job_data` here
EXTENDED = "lease_until"  # given with a job, and perhaps extended since
# How long it waits for an activation that runs elsewhere: less than clients wait.
WAIT_MS = 25_000
LOOK_EVERY_MS = 500


def execute(agent: Agent, call: Call) -> Response:
    given = read_any_object(call, JOB.example)
    shape = shape_of(given, EXECUTE_SHAPES)
    if shape is LEASED:
        return _of_queue(agent, call, given)
    if shape is ACTIVATION:
        return _activation(agent, call, given)
    return _at_once(agent, call, shape, _job(shape, given, agent.new_id()))


def _job(shape: Shape, given: dict[str, object], new_id: str) -> CapabilityCall:
    job_id = text_of(given, "job_id", ID, ID_TEXT) if "job_id" in given else new_id
    capability, job_input = as_capability(shape, given).values()
    if not isinstance(capability, str):
        raise Problem(400, f"`capability` is no text; send one such as {shape.example}")
    if unknown := unknown_capability(capability):
        raise Problem(400, unknown)
    if not isinstance(job_input, dict):
        raise Problem(400, "`input` is an object")
    return CapabilityCall(job_id, capability, job_input)


def _at_once(agent: Agent, call: Call, shape: Shape, job: CapabilityCall) -> Response:
    began = agent.clock()
    try:
        tools = agent.tools(call.known_tenant(), call.scopes)
        run = run_or_recall(job, tools, agent.store, agent.who.variant, call.headers, call.now_ms)
    except (Refused, Unavailable) as why:
        agent.metrics.jobs[job.capability, "failed"] += 1
        took = max(0.0, agent.clock() - began)
        timed = {"execution_time_ms": round(took, 3)} if shape.failed == "error" else {}
        more, is_passing = {**why.more, **timed}, isinstance(why, Unavailable)
        raise _failed(job.id, job.capability, str(why), more, is_passing, shape.failed) from None
    agent.metrics.jobs[job.capability, "completed"] += 1
    facts = Facts(job.capability, "completed", run.found)
    if isinstance(run.output, Stream):
        return responses.stream(run.output, job.id)._replace(facts=facts)
    took = max(0.0, agent.clock() - began)
    response = _completed(agent, shape, job.id, job.capability, run.outcome, took)
    return response._replace(headers=run.headers, facts=facts)


def _of_queue(agent: Agent, call: Call, given: dict[str, object]) -> Response:
    job_id = text_of(given, "job_id", ID, ID_TEXT)
    lease = read_lease(call, given, job_id)
    _check_it_is_that_job(agent, lease, given)
    jobs, runner = agent.jobs(), f"{agent.who.id}.{agent.new_id()}"
    now = round(agent.now())
    held = agent.wait(jobs.hand_over(lease.key, lease.worker, lease.attempt, runner, LEASE_MS, now))
    if isinstance(held, Invalid) or not held.is_done:
        state = None if isinstance(held, Invalid) else held.state
        raise lease.lost(state)
    job = agent.wait(jobs.get(lease.key))
    if job is None or (job.worker, job.attempt) != (runner, lease.attempt):
        raise lease.lost(job and job.state)
    run = _run(agent, job, runner)
    if not run.is_ours:
        raise lease.lost(run.state)
    return _run_response(agent, JOB, job, run)


def _check_it_is_that_job(agent: Agent, lease: Lease, given: dict[str, object]) -> None:
    job = agent.wait(agent.jobs().get(lease.key))
    if job is None:
        raise lease.lost(None)
    if unknown := unknown_capability(job.capability):
        hint = "run it yourself, and complete it"
        raise Problem(409, f"the agent cannot run this job: {unknown}; {hint}", state=job.state)
    inputs = inputs_of(agent, [job] if "inputs" in given else [])
    there = job_to_dict(job, inputs.get(job.key, JobInputs()))
    for name in HANDED_OUT:
        if name in given and name != EXTENDED and not _is_same(given[name], there.get(name)):
            hint = "send it as /poll told it, or leave it out"
            raise Problem(400, f"`{name}` is not that of the job {lease.key.id}: {hint}")


def _is_same(one: object, other: object) -> bool:
    """Compares as a JavaScript client would, whose numbers are all floating-point."""
    first, second = (json.loads(json.dumps(value), parse_int=float) for value in (one, other))
    return bool(first == second)


def _activation(agent: Agent, call: Call, given: JsonObject) -> Response:
    job = _stored(agent, call, given)
    shape = next((shape for shape in ACTIVATION_SHAPES if shape.fits(given["job_data"])), JOB)
    until = agent.now() + WAIT_MS
    while job.state in ("waiting", "leased"):
        if job.state == "waiting" and (mine := _claimed(agent, job)):
            job, runner = mine
            run = _run(agent, job, runner)
            if run.is_ours:
                return _run_response(agent, shape, job, run)
        elif agent.now() >= until:
            raise _unfinished(job)
        else:
            agent.pause(LOOK_EVERY_MS)
        job = agent.wait(agent.jobs().get(job.key)) or job
    return _ended_response(agent, shape, job)


def _stored(agent: Agent, call: Call, given: dict[str, object]) -> Job:
    """Puts the activation into the queue. Problems name its data `job_data`, as it is called
    here."""
    sent = {FIELD if name == "job_data" else name: value for name, value in given.items()}
    try:
        return submitted(agent, call, sent)
    except Problem as why:
        message = str(why).replace(f"`{FIELD}", "`job_data")
        raise Problem(why.status, message, why.headers, **why.more) from None


def _claimed(agent: Agent, job: Job) -> tuple[Job, str] | None:
    """Leases the job: returns it and the name of its lease holder, or None if it is leased to
    another one, has to wait, or only workers can run it."""
    if job.capability not in CAPABILITIES:
        return None
    jobs, runner = agent.jobs(), f"{agent.who.id}.{agent.new_id()}"
    work = jobs.claim(job.key, job.attempt, runner, LEASE_MS, round(agent.now()))
    held = agent.wait(work)
    if isinstance(held, Invalid) or not held.is_done:
        return None
    found = agent.wait(jobs.get(job.key))
    return (found, runner) if found and found.worker == runner else None


def _run(agent: Agent, job: Job, runner: str) -> JobRun:
    run = run_leased(agent, job, runner)
    agent.soon("deliver")
    return run


def _run_response(agent: Agent, shape: Shape, job: Job, run: JobRun) -> Response:
    if run.outcome is None:
        more = {**run.more, "state": run.state}
        raise _failed(job.key.id, job.capability, run.error or "", more, run.is_passing)
    response = _completed(agent, shape, job.key.id, job.capability, run.outcome, run.took_ms)
    return response._replace(facts=Facts(job.capability, "completed"))


def _ended_response(agent: Agent, shape: Shape, job: Job) -> Response:
    """The response for an activation that has ended already."""
    if job.state == "cancelled":
        raise Problem(409, "the activation is cancelled: use another id", state=job.state)
    if job.state == "failed":
        raise _failed(job.key.id, job.capability, job.error or "", {"state": job.state}, False)
    steps = agent.wait(agent.records().log(job.key))
    begun = [step.at_ms for step in steps if step.state == "leased"]
    took = max(0, (job.ended_ms or 0) - begun[-1]) if begun else 0
    return _completed(agent, shape, job.key.id, job.capability, outcome_of(job), took)


def _unfinished(job: Job) -> Problem:
    later = f"ask GET /activations/{job.key.id}, or send this again"
    message = f"the activation is still {job.state} after {WAIT_MS // 1000} s: {later}"
    return Problem(503, message, (("retry-after", "2"),), state=job.state)


def _completed(
    agent: Agent, shape: Shape, id: str, capability: str, outcome: Parsed, took_ms: float
) -> Response:
    written = shape.to_response(outcome, took_ms)
    return responses.completed(id, capability, written, took_ms, agent.now())


def _failed(
    job_id: str,
    capability: str,
    message: str,
    more: Parsed,
    is_passing: bool,
    status: str = "failed",
) -> Problem:
    fields = {**more, "job_id": job_id, "status": status}
    problem = Problem(503 if is_passing else 422, message, **fields)
    problem.facts = Facts(capability, "failed")
    return problem
