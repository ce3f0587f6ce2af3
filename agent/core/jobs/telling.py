"""What is said of an activation: to whoever submitted it, and to the worker that has leased it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agent.callbacks.callback import Callback
from agent.core.identity import time_text
from agent.core.jobs.inputs import JobInputs
from agent.core.jobs.payload import Payload, read_payload
from agent.queue.job import NEVER_MS, Job, Needed
from agent.records.records import Step


def told(job: Job, payload: Payload | None = None) -> dict[str, Any]:
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


def outcome_of(job: Job) -> dict[str, Any]:
    """`result`, and what else the capability told, of a job that is completed."""
    found: dict[str, Any] = json.loads(job.result) if job.result else {}
    return found


def told_to_worker(job: Job, given: JobInputs) -> dict[str, Any]:
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
