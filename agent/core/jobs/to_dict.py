"""Activations, callbacks and steps as JSON objects: for the owner of an activation, and for the
worker that has leased it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agent.callbacks.callback import Callback
from agent.core.identity import time_text
from agent.core.jobs.inputs import JobInputs
from agent.core.jobs.payload import Payload, read_payload
from agent.queue.job import NEVER_MS, Job, Needed
from agent.records.records import Step


def activation_to_dict(job: Job, payload: Payload | None = None) -> dict[str, object]:
    """An activation for its owner. Without the payload, which lists do not have, its agent is left
    out."""
    document: dict[str, object] = {
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
    return document | _agent_to_dict(payload) | outcome_of(job)


def _agent_to_dict(payload: Payload | None) -> dict[str, object]:
    if payload is None or payload.row is None or payload.agent is None:
        return {}
    row, agent = payload.row, payload.agent
    return {
        "agent_id": row.agent_id or agent.id,
        "agent_version": agent.version,
        "input_data": row.input_data,
        "metadata": row.metadata,
    }


def needed_to_dict(needed: Iterable[Needed]) -> dict[str, object]:
    """The jobs that a blocked activation still waits for."""
    return {"waits_for": [job.id for job in needed if job.state != "completed"]}


def callback_to_dict(callback: Callback) -> dict[str, object]:
    document: dict[str, object] = {
        "url": callback.url,
        "status": callback.state,
        "attempt": callback.attempt,
        "answer": callback.status,
        "error": callback.error,
    }
    times = (("due_at", callback.due_ms), ("ended_at", callback.ended_ms))
    return document | {name: time_text(at_ms) for name, at_ms in times if at_ms is not None}


def step_to_dict(step: Step) -> dict[str, object]:
    named = {"status": step.state, "attempt": step.attempt, "worker_id": step.worker}
    error = {} if step.error is None else {"error": step.error}
    return {"at": time_text(step.at_ms), **named, **error}


def outcome_of(job: Job) -> dict[str, object]:
    """`result` and further fields of a completed job."""
    found: dict[str, object] = json.loads(job.result) if job.result else {}
    return found


def job_to_dict(job: Job, given: JobInputs) -> dict[str, object]:
    """A leased job for its worker."""
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
