"""An activation as it is submitted, as a job of the queue, and as it is told.

`{"activation_id", "activation_data", "priority", "callback_url", "depends_on"}`. `activation_data`
is one of two: a job in one of the shapes `KEPT`, perhaps with `dispatch`, `max_attempts` and
`start_within`; or a row of FiberWise Core (`row.py`), whose agent says what is to be done
(`resolving.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from agent.agents.definition import definition_of
from agent.callbacks.callback import Callback
from agent.core.execution import CAPABILITIES, unknown_capability
from agent.core.identity import time_text
from agent.core.inputs import Given
from agent.core.json_text import whole
from agent.core.problem import Problem
from agent.core.reading import seconds_of, text_of, whole_of
from agent.core.resolving import Resolved, input_of
from agent.core.row import Row, row_of
from agent.core.shapes import KEPT, SUBMITTED_WITH, as_capability, shape_of
from agent.queue.job import (
    DEFAULT_ATTEMPTS,
    DEFAULT_PRIORITY,
    HIGHEST,
    LOWEST,
    NEVER_MS,
    JobKey,
    Needed,
    Submission,
)
from agent.queue.job import Job as QueueJob
from agent.queue.limits import (
    CAPABILITY,
    CAPABILITY_TEXT,
    MAX_ATTEMPTS,
    MAX_DEPENDENCIES,
    MAX_START_WITHIN_MS,
)
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
# Seconds that a job waits for a worker. A day, unless it is said: workers that are started anew
# each day find it, and a capability that nobody has is noticed.
START_WITHIN, MIN_START_WITHIN, MAX_START_WITHIN = 86_400.0, 1.0, MAX_START_WITHIN_MS / 1000


class Activation(NamedTuple):
    submission: Submission
    callback_url: str | None


def activation_of(given: dict[str, Any], tenant: str, scopes: frozenset[str]) -> Activation:
    """Raises `Problem`. For the edge a capability that there is not is one of a dead letter:
    whoever waits for the callback hears of it. Workers may have any."""
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
    url = _url(given)
    priority = _priority(given)
    attempts = whole_of(data, "max_attempts", DEFAULT_ATTEMPTS, 1, MAX_ATTEMPTS)
    unknown = unknown_capability(capability) if dispatch == "edge" else None
    own = CAPABILITIES.get(capability)
    payload = payload_of(asked, url, scopes & own.scopes if own else ())
    made = Submission(
        *(JobKey(tenant, id), capability, payload, priority, attempts, dispatch, unknown),
        depends_on=_depends_on(given, id),
        start_within_ms=_start_within(data, dispatch),
    )
    return Activation(made, url)


def row_activation(
    given: dict[str, Any], tenant: str, scopes: frozenset[str], row: Row, agent: Resolved
) -> Activation:
    """An activation of Core's. Raises `Problem` if the agent cannot run this row."""
    id, url = text_of(given, "activation_id", ID, ID_TEXT), _url(given)
    capability = agent.definition.capability
    held = scopes & CAPABILITIES[capability].scopes
    input_of(agent.definition, row)
    payload = row_payload_of(row, agent, url, held)
    made = Submission(
        *(JobKey(tenant, id), capability, payload, _priority(given), DEFAULT_ATTEMPTS, "edge"),
        depends_on=_depends_on(given, id),
    )
    return Activation(made, url)


def _url(given: dict[str, Any]) -> str | None:
    url = given.get("callback_url")
    if url is not None and not isinstance(url, str):
        raise Problem(400, "`callback_url` is text, or null")
    return url or None


def _priority(given: dict[str, Any]) -> int:
    """Core's priorities are any whole numbers: those beyond ours count as the nearest one."""
    found = whole(given.get("priority", DEFAULT_PRIORITY))
    if found is None:
        raise Problem(
            400, f"`priority` is a whole number; what is beyond {LOWEST} to {HIGHEST} is cut off"
        )
    return max(LOWEST, min(HIGHEST, found))


def _depends_on(given: dict[str, Any], own: str) -> tuple[str, ...]:
    ids = given.get("depends_on", [])
    if not isinstance(ids, list) or not all(isinstance(id, str) and ID.fullmatch(id) for id in ids):
        raise Problem(400, '`depends_on` is a list of ids of activations, such as ["a-1"]')
    if len(ids) > MAX_DEPENDENCIES:
        raise Problem(400, f"`depends_on` has {len(ids)} ids, and {MAX_DEPENDENCIES} are allowed")
    if own in ids:
        raise Problem(422, f"`depends_on` has {own}, the activation itself: it would never start")
    return tuple(dict.fromkeys(ids))


def _start_within(data: dict[str, Any], dispatch: str) -> int | None:
    """What the agent runs itself waits for as long as it takes, unless a time is given."""
    if dispatch == "edge" and "start_within" not in data:
        return None
    return seconds_of(data, "start_within", START_WITHIN, MIN_START_WITHIN, MAX_START_WITHIN)


def payload_of(asked: dict[str, Any], url: str | None, scopes: Iterable[str]) -> str:
    """One spelling of the same: by it the queue tells one activation from another."""
    return _text({"callback_url": url, "input": asked, "scopes": sorted(scopes)})


def row_payload_of(row: Row, agent: Resolved, url: str | None, scopes: Iterable[str]) -> str:
    """The row and the definition, as they were when it was submitted."""
    made = {"id": agent.id, "version": agent.version, "definition": agent.definition.document}
    document = {"agent": made, "asked": row.asked, "callback_url": url, "scopes": sorted(scopes)}
    return _text(document)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Payload(NamedTuple):
    """`row` and `agent`: of an activation that FiberWise Core has sent."""

    input: dict[str, Any]
    scopes: frozenset[str]
    callback_url: str | None
    row: Row | None = None
    agent: Resolved | None = None


def read_payload(text: str) -> Payload:
    value = json.loads(text)
    scopes, url = frozenset(value["scopes"]), value["callback_url"]
    if "agent" not in value:
        return Payload(value["input"], scopes, url)
    made, row = value["agent"], row_of(value["asked"])
    agent = Resolved(made["id"], made["version"], definition_of(made["definition"]))
    return Payload(input_of(agent.definition, row), scopes, url, row, agent)


def is_same_row(job: QueueJob, row: Row, url: str | None) -> bool:
    """Whether the job was submitted for this row; its agent may have changed since then."""
    found = json.loads(job.payload)
    return (found.get("asked"), found["callback_url"]) == (row.asked, url)


def told(job: QueueJob, payload: Payload | None = None) -> dict[str, Any]:
    """What is said of an activation to whoever submitted it; without its payload, which lists do
    not have, not of which agent it is."""
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
    if job.depends_on:
        document["depends_on"] = list(job.depends_on)
    if job.start_within_ms is not None:
        document["start_within"] = job.start_within_ms / 1000
    is_ready = job.state == "waiting" and job.available_ms < NEVER_MS  # also in lists
    start_by = is_ready and job.start_within_ms and job.available_ms + job.start_within_ms
    times = (
        ("available_at", job.available_ms if is_ready else None),
        ("start_by", start_by or None),
        ("lease_until", job.lease_until_ms),
        ("ended_at", job.ended_ms),
    )
    document |= {name: time_text(at_ms) for name, at_ms in times if at_ms is not None}
    if job.error is not None:
        document["error"] = job.error
    return document | _told_of_agent(payload) | outcome_of(job)


def _told_of_agent(payload: Payload | None) -> dict[str, Any]:
    if payload is None or payload.row is None or payload.agent is None:
        return {}
    row, agent = payload.row, payload.agent
    return {
        "agent_id": row.agent_id or agent.id,
        "agent_version": agent.version,
        "input_data": row.input_data,
        "metadata": row.metadata,
    }


def told_of_needed(needed: Iterable[Needed]) -> dict[str, Any]:
    """What a blocked activation still waits for."""
    return {"waits_for": [each.id for each in needed if each.state != "completed"]}


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


def told_to_worker(job: QueueJob, given: Given) -> dict[str, Any]:
    """What a worker that polls is told of a job that it has leased."""
    inputs = {"inputs": dict(given.inputs)} if job.depends_on else {}
    return {
        "job_id": job.key.id,
        "tenant": job.key.tenant,
        "capability": job.capability,
        "input": read_payload(job.payload).input,
        **inputs,
        "priority": job.priority,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "worker_id": job.worker,
        "submitted_at": time_text(job.submitted_ms),
        "lease_until": time_text(job.lease_until_ms or 0),
    }
