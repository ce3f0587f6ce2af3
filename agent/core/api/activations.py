"""`/activations`: submitted, looked at, given up and tried again by those whose they are; and
extended, completed and failed by the workers that have leased them."""

from __future__ import annotations

import json
from typing import Any

from agent.callbacks.callbacks import registration, withdrawal
from agent.core.api.callback_address import told_of_none, unreachable
from agent.core.api.polling import LEASE, MAX_LEASE, MIN_LEASE, Lease, read_lease
from agent.core.capabilities.execution import unknown_capability
from agent.core.http.answers import Answer, json_answer
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import read_object, read_options, read_query, seconds_of, whole_of
from agent.core.isolate.agent import Agent
from agent.core.jobs.activation import EXAMPLE, FIELDS, ID, ID_TEXT, Activation, activation_of
from agent.core.jobs.core_words import in_core_words
from agent.core.jobs.payload import is_same_row, read_payload
from agent.core.jobs.refusing import refusal
from agent.core.jobs.row import CoreRow, is_row
from agent.core.jobs.submitting import another, log_refusal, row_submission
from agent.core.jobs.telling import told, told_of_callback, told_of_needed, told_of_step
from agent.queue.job import (
    DEFAULT_ATTEMPTS,
    Contradiction,
    Freeing,
    Invalid,
    Job,
    JobChange,
    JobKey,
    Submitted,
)
from agent.queue.limits import MAX_ATTEMPTS
from agent.workers.worker import WorkerKey

STATES = ("waiting", "leased", "completed", "failed", "cancelled")
HELD = ("worker_id", "attempt", "tenant")
COMPLETED = '{"worker_id": "w-1", "attempt": 1, "result": 4}'
MAX_LISTED = 100
OUTCOME = ("result", "stdout")
LISTED = ("state", "limit", "before")


def submit(agent: Agent, call: Call) -> Answer:
    job = submitted(agent, call, read_object(call, FIELDS, EXAMPLE))
    payload = read_payload(job.payload)
    nowhere = _nowhere(agent, call, job, payload.callback_url)
    return json_answer(told(job, payload) | in_core_words(job) | nowhere)


def submitted(agent: Agent, call: Call, given: dict[str, Any]) -> Job:
    """The job of what is submitted, be it new or there already. Raises `Problem`."""
    tenant = call.known_tenant()
    if not is_row(given.get("activation_data")):
        return _waited_for(agent, _kept(agent, call, activation_of(given, tenant, call.scopes)))
    try:
        row, asked = row_submission(agent, call, given)
        job = asked if isinstance(asked, Job) else _kept(agent, call, asked, row)
    except Problem as why:
        log_refusal(agent, call, given, why)
        raise
    return _waited_for(agent, job)


def _kept(agent: Agent, call: Call, asked: Activation, row: CoreRow | None = None) -> Job:
    """Its job in the queue, unless there is another one of that id."""
    found, url = _placed(agent, call, asked), asked.callback_url
    if found.is_conflict and not (row and is_same_row(found.job, row, url)):
        raise another(found.job)
    if url and found.job.state == "failed":
        agent.soon("deliver")
    return found.job


def _placed(agent: Agent, call: Call, asked: Activation) -> Submitted:
    url, key = asked.callback_url, asked.submission.key
    is_posted = url and not unreachable(url, agent, call)
    around = ([registration(key, url)], [withdrawal(key)]) if url and is_posted else ((), ())
    found = agent.wait(agent.jobs().submit(asked.submission, round(agent.now()), *around))
    if not isinstance(found, Submitted):
        raise refusal(found, key.tenant)
    return found


def _waited_for(agent: Agent, job: Job) -> Job:
    if job.state == "waiting" and job.dispatch == "edge":
        agent.soon("run")
    return job


def found_job(agent: Agent, call: Call, id: str) -> Job:
    """Raises `Problem` if there is none."""
    job = agent.wait(agent.jobs().get(_key(call, id)))
    if job is None:
        raise _missing(id)
    return job


def show(agent: Agent, call: Call, id: str) -> Answer:
    job = found_job(agent, call, id)
    payload = read_payload(job.payload)
    url = payload.callback_url
    callback = agent.wait(agent.callbacks().of(job.key)) if url else None
    more = {"callback": told_of_callback(callback)} if callback else _nowhere(agent, call, job, url)
    if job.state == "waiting" and job.blocked:
        more |= told_of_needed(agent.wait(agent.jobs().needed(job.key)))
    steps = agent.wait(agent.records().log(job.key))
    log = {"log": [told_of_step(step) for step in steps]}
    return json_answer(told(job, payload) | in_core_words(job, steps) | more | log)


def _nowhere(agent: Agent, call: Call, job: Job, url: str | None) -> dict[str, Any]:
    """What is said instead of a callback, if the result cannot be posted where it was to be."""
    why = unreachable(url, agent, call) if url else None
    return {"callback": told_of_none(job.key.id, why)} if why else {}


def listing(agent: Agent, call: Call) -> Answer:
    """The youngest of one state; `next_before` asks for those before. A time is all that tells
    pages apart, so those of one moment stand on one page, be it longer than it was to be."""
    tenant = call.known_tenant()
    given = read_query(call, LISTED)
    state: Any = given.get("state", "failed")
    if state not in STATES:
        raise Problem(400, f"`state` is one of {', '.join(STATES)}")
    limit = whole_of(given, "limit", 20, 1, MAX_LISTED)
    before = given.get("before", "9" * 15)
    if not before.isdecimal() or len(before) > 15:
        raise Problem(400, "`before` is a time in milliseconds, as `next_before` tells it")
    found = agent.wait(agent.jobs().listed(tenant, state, limit + 1, int(before)))
    page = found if len(found) <= limit else _without(found, found[-1].submitted_ms)
    if found and not page:
        found = agent.wait(agent.jobs().listed(tenant, state, MAX_LISTED + 1, int(before)))
        others = _without(found, found[0].submitted_ms)
        page = found[: min(MAX_LISTED, len(found) - len(others))]
    may_go_on = len(page) >= limit or len(page) < len(found)
    more = {"next_before": page[-1].submitted_ms} if may_go_on else {}
    listed = [told(job) | in_core_words(job) for job in page]
    return json_answer({"status": "success", "activations": listed, **more})


def _without(found: list[Job], at_ms: int) -> list[Job]:
    return [job for job in found if job.submitted_ms != at_ms]


def cancel(agent: Agent, call: Call, id: str) -> Answer:
    done = agent.wait(agent.jobs().cancel(_key(call, id), round(agent.now())))
    agent.soon("deliver")
    return _shown(agent, call, id, done, "only one that has not ended is cancelled")


def retry(agent: Agent, call: Call, id: str) -> Answer:
    """A dead letter waits again; one that does already, or runs, is as it was asked for."""
    key, given = _key(call, id), read_options(call, ("max_attempts",), '{"max_attempts": 3}')
    attempts = whole_of(given, "max_attempts", DEFAULT_ATTEMPTS, 1, MAX_ATTEMPTS)
    job = found_job(agent, call, id)
    done = JobChange(job.state in ("waiting", "leased"), job.state)
    if job.state == "failed":
        unknown = unknown_capability(job.capability)
        if unknown and job.dispatch == "edge":  # a worker may have it
            raise Problem(409, f"nobody would run it: {unknown}", state=job.state)
        done = agent.wait(agent.jobs().revive(key, job.attempt, attempts, round(agent.now())))
        if done.is_done and job.dispatch == "edge":
            agent.soon("run")
        if done.state == "failed" and job.depends_on:
            raise _not_tried(agent, job)
    return _shown(agent, call, id, done, "only one that failed is tried again")


def complete(agent: Agent, call: Call, id: str) -> Answer:
    lease, given = _held(call, id, OUTCOME, COMPLETED)
    if "result" not in given:
        raise Problem(400, f"`result` is missing; send one such as {COMPLETED}")
    if not isinstance(given.get("stdout", ""), str):
        raise Problem(400, "`stdout` is text")
    outcome = {name: given[name] for name in OUTCOME if name in given}
    text = json.dumps(outcome, separators=(",", ":"), ensure_ascii=False)
    now = round(agent.now())
    done = agent.wait(agent.jobs().complete(lease.key, lease.worker, lease.attempt, text, now))
    return _ended(agent, lease, done)


def fail(agent: Agent, call: Call, id: str) -> Answer:
    example = '{"worker_id": "w-1", "attempt": 1, "error": "out of memory", "retry": true}'
    lease, given = _held(call, id, ("error", "retry"), example)
    error, is_passing = given.get("error"), given.get("retry", True)
    if not isinstance(error, str) or not isinstance(is_passing, bool):
        raise Problem(400, f"`error` is text, and `retry` true or false; send {example}")
    now, jitter = round(agent.now()), agent.rng()
    done = agent.wait(
        agent.jobs().fail(lease.key, lease.worker, lease.attempt, error, now, is_passing, jitter)
    )
    return _ended(agent, lease, done)


def extend(agent: Agent, call: Call, id: str) -> Answer:
    example = '{"worker_id": "w-1", "attempt": 1, "lease": 60}'
    lease, given = _held(call, id, ("lease",), example)
    lease_ms = seconds_of(given, "lease", LEASE, MIN_LEASE, MAX_LEASE)
    now = round(agent.now())
    agent.wait(agent.workers().heartbeat(WorkerKey(call.tenant, lease.worker), now))
    work = agent.jobs().extend(lease.key, lease.worker, lease.attempt, lease_ms, now)
    return _told(lease, agent.wait(work))


def _held(call: Call, id: str, more: tuple[str, ...], example: str) -> tuple[Lease, dict[str, Any]]:
    given = read_object(call, (*HELD, *more), example)
    return read_lease(call, given, _id(id)), given


def _ended(agent: Agent, lease: Lease, done: JobChange | Contradiction | Invalid) -> Answer:
    answer = _told(lease, done)
    if isinstance(done, Freeing):
        agent.soon("run")
    agent.soon("deliver")
    return answer


def _told(lease: Lease, done: JobChange | Contradiction | Invalid) -> Answer:
    if isinstance(done, Invalid):
        raise Problem(413 if done.is_too_large else 400, f"`{done.field}` {done.message}")
    if isinstance(done, Contradiction):
        raise lease.ended(done.state)
    if not done.is_done:
        raise lease.lost(done.state)
    return json_answer({"status": done.state, "activation_id": lease.key.id})


def _shown(agent: Agent, call: Call, id: str, done: JobChange, why: str) -> Answer:
    if done.state is None:
        raise _missing(id)
    if not done.is_done:
        raise Problem(409, f"the activation is {done.state}: {why}", state=done.state)
    return show(agent, call, id)


def _key(call: Call, id: str) -> JobKey:
    return JobKey(call.known_tenant(), _id(id))


def _id(id: str) -> str:
    if not ID.fullmatch(id):
        raise Problem(404, f"there is no such activation: an id {ID_TEXT}")
    return id


def _missing(id: str) -> Problem:
    return Problem(404, f"there is no activation {id}")


def _not_tried(agent: Agent, job: Job) -> Problem:
    """Why a dead letter does not wait again: what it depends on will not complete."""
    for each in agent.wait(agent.jobs().needed(job.key)):
        if each.state == "failed":
            message = f"it depends on {each.id}, which has failed: try that again first"
            return Problem(409, message, state=job.state)
        if each.state in (None, "cancelled"):
            how = "was cancelled" if each.state else "is there no more"
            message = f"it depends on {each.id}, which {how}: submit it anew, with another id"
            return Problem(409, message, state=job.state)
    return Problem(409, "it has failed again", state=job.state)
