"""An activation in the format of FiberWise Core and its SDK.

Core's statuses are `queued`, `running`, `completed`, `failed` and `cancelled`. `started_at` is
when the last attempt began, as the job's log has it; `output_data` is always an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agent.core.identity import time_text
from agent.core.jobs.payload import Payload
from agent.queue.job import Job, JobState
from agent.records.records import Step

STATUSES: Mapping[JobState, str] = {
    "waiting": "queued",
    "leased": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


def core_fields(job: Job, steps: Sequence[Step] = ()) -> dict[str, object]:
    """Core's fields of an activation, to stand beside ours; unknown ones are left out."""
    started_ms = next((step.at_ms for step in reversed(steps) if step.state == "leased"), None)
    document: dict[str, object] = {"core_status": STATUSES[job.state]}
    if job.result is not None:
        document["output_data"] = _output(job.result)
    if started_ms is not None:
        document["started_at"] = time_text(started_ms)
    if job.ended_ms is not None:
        document["completed_at"] = time_text(job.ended_ms)
        if started_ms is not None:  # by two clocks: the database's, and the agent's
            document["duration_ms"] = max(0, job.ended_ms - started_ms)
    return document


def core_activation_to_dict(job: Job, payload: Payload, steps: Sequence[Step]) -> dict[str, object]:
    """A whole activation, as the SDK reads it (`AgentActivation`)."""
    words = core_fields(job, steps)
    row, agent = payload.row, payload.agent
    return {
        "activation_id": job.key.id,
        "agent_id": row.agent_id or row.agent_type_id if row else job.capability,
        "agent_version": agent.version if agent else None,
        "status": words.pop("core_status"),
        "priority": job.priority,
        "input_data": dict(row.input_data) if row else payload.input,
        "context": dict(row.context) if row else {},
        "metadata": dict(row.metadata) if row else {},
        "output_data": None,
        "error": job.error,
        "started_at": None,
        "completed_at": None,
        "duration_ms": None,
        **words,
    }


def _output(result: str) -> dict[str, object]:
    found = json.loads(result).get("result")
    return found if isinstance(found, dict) else {"result": found}
