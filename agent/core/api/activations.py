"""`/activations`: their owners submit, show, list, cancel and retry them; workers extend, complete
and fail those that they have leased."""

from __future__ import annotations

import json

from agent.callbacks.callbacks import registration, withdrawal
from agent.core.api.callback_address import no_callback_to_dict, unreachable
from agent.core.api.polling import LEASE, MAX_LEASE, MIN_LEASE, Lease, read_lease
from agent.core.capabilities.execution import unknown_capability
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import read_object, read_options, read_query, seconds_of, whole_of
from agent.core.http.responses import Response, json_response
from agent.core.isolate.agent import Agent
from agent.core.jobs.activation import EXAMPLE, FIELDS, ID, ID_TEXT, Activation, activation_of
from agent.core.jobs.core_format import core_fields
from agent.core.jobs.payload import is_same_row, read_payload
from agent.core.jobs.refusing import refusal
from agent.core.jobs.row import CoreRow, is_row
from agent.core.jobs.submitting import another, log_refusal, row_submission
from agent.core.jobs.to_dict import (
    activation_to_dict,
    callback_to_dict,
    needed_to_dict,
    step_to_dict,
)
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
from workers_runtime.json_text import Parsed

STATES = ("waiting", "leased", "completed", "failed", "cancelled")
HELD = ("worker_id", "attempt", "tenant")
COMPLETED = '{"worker_id": "w-1", "attempt": 1, "result": 4}'
MAX_LISTED = 100
OUTCOME = ("result", "stdout")
LISTED = ("state", "limit", "before")


def submit(agent: Agent, call: Call) -> Response:
    job = submitted(agent, call, read_object(call, FIELDS, EXAMPLE))
    payload = read_payload(job.payload)
    no_callback = _no_callback(agent, call, job, payload.callback_url)
    return json_response(activation_to_dict(job, payload) | core_fields(job) | no_callback)


def submitted(agent: Agent, call: Call, given: dict[str, object]) -> Job:
    """Returns the job of a submission, new or already there. Raises `Problem`."""
    tenant = call.known_tenant()
    if not is_row(given.get("activation_data")):
        return _waited_for(agent, _stored(agent, call, activation_of(given, tenant, call.scopes)))
    try:
        row, activation = row_submission(agent, call, given)
        job = activation if isinstance(activation, Job) else _stored(agent, call, activation, row)
    except Problem as why:
        log_refusal(agent, call, given, why)
        raise
    return _waited_for(agent, job)


def _stored(agent: Agent, call: Call, activation: Activation, row: CoreRow | None = None) -> Job:
    """Returns its job in the queue. Raises `Problem` if another job has its id."""
    found, url = _placed(agent, call, activation), activation.callback_url
    if found.is_conflict and not (row and is_same_row(found.job, row, url)):
        raise another(found.job)
    if url and found.job.state == "failed":
        agent.soon("deliver")
    return found.job


def _placed(agent: Agent, call: Call, activation: Activation) -> Submitted:
    url, key = activation.callback_url, activation.submission.key
    is_posted = url and not unreachable(url, agent, call)
    around = ([registration(key, url)], [withdrawal(key)]) if url and is_posted else ((), ())
    found = agent.wait(agent.jobs().submit(activation.submission, round(agent.now()), *around))
    if not isinstance(found, Submitted):
        raise refusal(found, key.tenant)
    return found


def _waited_for(agent: Agent, job: Job) -> Job:
    if job.state == "waiting" and job.dispatch == "edge":
        agent.soon("run")
    return job


def existing_job(agent: Agent, call: Call, id: str) -> Job:
    """Returns the job. Raises `Problem` if there is none."""
    job = agent.wait(agent.jobs().get(_key(call, id)))
    if job is None:
        raise _missing(id)
    return job


def show(agent: Agent, call: Call, id: str) -> Response:
    job = existing_job(agent, call, id)
    payload = read_payload(job.payload)
    url = payload.callback_url
    callback = agent.wait(agent.callbacks().of(job.key)) if url else None
    more = (
        {"callback": callback_to_dict(callback)}
        if callback
        else _no_callback(agent, call, job, url)
    )
    if job.state == "waiting" and job.blocked:
        more |= needed_to_dict(agent.wait(agent.jobs().needed(job.key)))
    steps = agent.wait(agent.records().log(job.key))
    log = {"log": [step_to_dict(step) for step in steps]}
    return json_response(activation_to_dict(job, payload) | core_fields(job, steps) | more | log)


def _no_callback(agent: Agent, call: Call, job: Job, url: str | None) -> dict[str, object]:
    """The field `callback` if the result cannot be posted to `url`; else no field."""
    why = unreachable(url, agent, call) if url else None
    return {"callback": no_callback_to_dict(job.key.id, why)} if why else {}


def listing(agent: Agent, call: Call) -> Response:
    """A page of the activations in one state, the newest first; `next_before` gets the next page.
    Pages are divided by time alone, so activations of the same millisecond stay on one page, even
    beyond `limit`."""
    tenant = call.known_tenant()
    given = read_query(call, LISTED)
    state: Parsed = given.get("state", "failed")
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
    listed = [activation_to_dict(job) | core_fields(job) for job in page]
    return json_response({"status": "success", "activations": listed, **more})


def _without(found: list[Job], at_ms: int) -> list[Job]:
    return [job for job in found if job.submitted_ms != at_ms]


def cancel(agent: Agent, call: Call, id: str) -> Response:
    change = agent.wait(agent.jobs().cancel(_key(call, id), round(agent.now())))
    agent.soon("deliver")
    return _shown(agent, call, id, change, "only one that has not ended is cancelled")


def retry(agent: Agent, call: Call, id: str) -> Response:
    """Makes a dead letter wait again. A job that already waits or runs is left unchanged."""
    key, given = _key(call, id), read_options(call, ("max_attempts",), '{"max_attempts": 3}')
    attempts = whole_of(given, "max_attempts", DEFAULT_ATTEMPTS, 1, MAX_ATTEMPTS)
    job = existing_job(agent, call, id)
    change = JobChange(job.state in ("waiting", "leased"), job.state)
    if job.state == "failed":
        unknown = unknown_capability(job.capability)
        if unknown and job.dispatch == "edge":  # a worker may have the capability
            raise Problem(409, f"nobody would run it: {unknown}", state=job.state)
        change = agent.wait(agent.jobs().revive(key, job.attempt, attempts, round(agent.now())))
        if change.is_done and job.dispatch == "edge":
            agent.soon("run")
        if change.state == "failed" and job.depends_on:
            raise _not_tried(agent, job)
    return _shown(agent, call, id, change, "only one that failed is tried again")


def complete(agent: Agent, call: Call, id: str) -> Response:
    lease, given = _held(call, id, OUTCOME, COMPLETED)
    if "result" not in given:
        raise Problem(400, f"`result` is missing; send one such as {COMPLETED}")
    if not isinstance(given.get("stdout", ""), str):
        raise Problem(400, "`stdout` is text")
    outcome = {name: given[name] for name in OUTCOME if name in given}
    text = json.dumps(outcome, separators=(",", ":"), ensure_ascii=False)
    now = round(agent.now())
    change = agent.wait(agent.jobs().complete(lease.key, lease.worker, lease.attempt, text, now))
    return _ended(agent, lease, change)


def fail(agent: Agent, call: Call, id: str) -> Response:
    example = '{"worker_id": "w-1", "attempt": 1, "error": "out of memory", "retry": true}'
    lease, given = _held(call, id, ("error", "retry"), example)
    error, is_passing = given.get("error"), given.get("retry", True)
    if not isinstance(error, str) or not isinstance(is_passing, bool):
        raise Problem(400, f"`error` is text, and `retry` true or false; send {example}")
    now, jitter = round(agent.now()), agent.rng()
    change = agent.wait(
        agent.jobs().fail(lease.key, lease.worker, lease.attempt, error, now, is_passing, jitter)
    )
    return _ended(agent, lease, change)


def extend(agent: Agent, call: Call, id: str) -> Response:
    example = '{"worker_id": "w-1", "attempt": 1, "lease": 60}'
    lease, given = _held(call, id, ("lease",), example)
    lease_ms = seconds_of(given, "lease", LEASE, MIN_LEASE, MAX_LEASE)
    now = round(agent.now())
    agent.wait(agent.workers().heartbeat(WorkerKey(call.tenant, lease.worker), now))
    work = agent.jobs().extend(lease.key, lease.worker, lease.attempt, lease_ms, now)
    return _changed(lease, agent.wait(work))


def _held(
    call: Call, id: str, more: tuple[str, ...], example: str
) -> tuple[Lease, dict[str, object]]:
    given = read_object(call, (*HELD, *more), example)
    return read_lease(call, given, _id(id)), given


def _ended(agent: Agent, lease: Lease, change: JobChange | Contradiction | Invalid) -> Response:
    answer = _changed(lease, change)
    if isinstance(change, Freeing):
        agent.soon("run")
    agent.soon("deliver")
    return answer


def _changed(lease: Lease, change: JobChange | Contradiction | Invalid) -> Response:
    if isinstance(change, Invalid):
        raise Problem(413 if change.is_too_large else 400, f"`{change.field}` {change.message}")
    if isinstance(change, Contradiction):
        raise lease.ended(change.state)
    if not change.is_done:
        raise lease.lost(change.state)
    return json_response({"status": change.state, "activation_id": lease.key.id})


def _shown(agent: Agent, call: Call, id: str, change: JobChange, why: str) -> Response:
    if change.state is None:
        raise _missing(id)
    if not change.is_done:
        raise Problem(409, f"the activation is {change.state}: {why}", state=change.state)
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
    """Why a dead letter cannot be retried: a job that it depends on will not complete."""
    for other in agent.wait(agent.jobs().needed(job.key)):
        if other.state == "failed":
            message = f"it depends on {other.id}, which has failed: try that again first"
            return Problem(409, message, state=job.state)
        if other.state in (None, "cancelled"):
            how = "was cancelled" if other.state else "is there no more"
            message = f"it depends on {other.id}, which {how}: submit it anew, with another id"
            return Problem(409, message, state=job.state)
    return Problem(409, "it has failed again", state=job.state)
