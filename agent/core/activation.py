"""An activation as FiberWise Core sends it, as a job of the queue, and as it is told.

`{"activation_id", "activation_data", "priority", "callback_url"}`; what is to be done stands
in `activation_data`: in one of the shapes `KEPT`, perhaps with `dispatch` and `max_attempts`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from agent.callbacks.callback import Callback
from agent.core.execution import CAPABILITIES, unknown_capability
from agent.core.identity import time_text
from agent.core.problem import Problem
from agent.core.reading import text_of, whole_of
from agent.core.shapes import KEPT, SUBMITTED_WITH, as_capability, shape_of
from agent.queue.job import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, HIGHEST, LOWEST, JobKey, Submission
from agent.queue.job import Job as QueueJob
from agent.queue.limits import CAPABILITY, CAPABILITY_TEXT, MAX_ATTEMPTS
from agent.records.records import Step

FIELDS = ("activation_id", "activation_data", *SUBMITTED_WITH)
DATA = KEPT[0].known  # of a capability; those of the other shapes stand in shapes.py
EXAMPLE = (
    '{"activation_id": "a-1", "activation_data": {"capability": "text-processing", '
    '"input": {"text": "…"}}}'
)
# What goes into a path and comes out of it as it was: a path of `.` or `..` is another one.
ID = re.compile(r"[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]{0,127}")
ID_TEXT = "is text of 1 to 128 of A-Z, a-z, 0-9 and ._~:@-, and begins with no dot"
DISPATCHES = ("edge", "poll")


class Activation(NamedTuple):
    submission: Submission
    callback_url: str | None


def activation_of(given: dict[str, Any], tenant: str, scopes: frozenset[str]) -> Activation:
    """Raises `Problem`. A capability that there is not is one of a dead letter: whoever
    waits for the callback hears of it."""
    id = text_of(given, "activation_id", ID, ID_TEXT)
    data = given.get("activation_data")
    if not isinstance(data, dict):
        raise Problem(400, f"`activation_data` is an object; send one such as {EXAMPLE}")
    job = as_capability(shape_of(data, KEPT, "activation_data."), data)
    capability = text_of(job, "capability", CAPABILITY, CAPABILITY_TEXT)
    asked, dispatch = job["input"], data.get("dispatch", "edge")
    if not isinstance(asked, dict):
        raise Problem(400, "`activation_data.input` is an object")
    if dispatch not in DISPATCHES:
        raise Problem(400, "`activation_data.dispatch` is `edge` or `poll`")
    url = given.get("callback_url")
    if url is not None and not isinstance(url, str):
        raise Problem(400, "`callback_url` is text, or null")
    priority = whole_of(given, "priority", DEFAULT_PRIORITY, LOWEST, HIGHEST)
    attempts = whole_of(data, "max_attempts", DEFAULT_ATTEMPTS, 1, MAX_ATTEMPTS)
    unknown = unknown_capability(capability)
    held = frozenset[str]() if unknown else scopes & CAPABILITIES[capability].scopes
    payload = payload_of(asked, url or None, held)
    key = JobKey(tenant, id)
    made = Submission(key, capability, payload, priority, attempts, dispatch, unknown)
    return Activation(made, url or None)


def payload_of(asked: dict[str, Any], url: str | None, scopes: Iterable[str]) -> str:
    """One spelling of the same: by it the queue tells one activation from another."""
    document = {"callback_url": url, "input": asked, "scopes": sorted(scopes)}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Payload(NamedTuple):
    input: dict[str, Any]
    scopes: frozenset[str]
    callback_url: str | None


def read_payload(text: str) -> Payload:
    value = json.loads(text)
    return Payload(value["input"], frozenset(value["scopes"]), value["callback_url"])


def told(job: QueueJob) -> dict[str, Any]:
    """What is said of an activation to whoever submitted it."""
    document: dict[str, Any] = {
        "status": job.state,
        "activation_id": job.key.id,
        "capability": job.capability,
        "dispatch": job.dispatch,
        "priority": job.priority,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "worker_id": job.worker,
        "submitted_at": time_text(job.submitted_ms),
    }
    times = (
        ("available_at", job.available_ms if job.state == "waiting" else None),
        ("lease_until", job.lease_until_ms),
        ("ended_at", job.ended_ms),
    )
    document |= {name: time_text(at_ms) for name, at_ms in times if at_ms is not None}
    if job.error is not None:
        document["error"] = job.error
    return document | outcome_of(job)


def told_of_callback(callback: Callback) -> dict[str, Any]:
    document: dict[str, Any] = {
        "url": callback.url,
        "status": callback.state,
        "attempt": callback.attempt,
        "answer": callback.status,
        "error": callback.error,
    }
    times = (("due_at", callback.due_ms), ("ended_at", callback.ended_ms))
    return document | {name: time_text(at_ms) for name, at_ms in times if at_ms is not None}


def told_of_step(step: Step) -> dict[str, Any]:
    named = {"status": step.state, "attempt": step.attempt, "worker_id": step.worker}
    error = {} if step.error is None else {"error": step.error}
    return {"at": time_text(step.at_ms), **named, **error}


def outcome_of(job: QueueJob) -> dict[str, Any]:
    """`result`, and what else the capability told, of a job that is completed."""
    found: dict[str, Any] = json.loads(job.result) if job.result else {}
    return found


def told_to_worker(job: QueueJob) -> dict[str, Any]:
    """What a worker that polls is told of a job that it has leased."""
    return {
        "job_id": job.key.id,
        "tenant": job.key.tenant,
        "capability": job.capability,
        "input": read_payload(job.payload).input,
        "priority": job.priority,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "worker_id": job.worker,
        "submitted_at": time_text(job.submitted_ms),
        "lease_until": time_text(job.lease_until_ms or 0),
    }
