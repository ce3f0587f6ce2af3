"""Submits a row of FiberWise Core: finds its existing job, or makes a new one for its agent.

Core's client does not show why a row was refused, so the agent logs it.
"""

from __future__ import annotations

from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import SHOWN, text_of
from agent.core.isolate.agent import Agent
from agent.core.jobs.activation import ID, ID_TEXT, Activation, row_activation
from agent.core.jobs.payload import is_same_row
from agent.core.jobs.resolving import resolve
from agent.core.jobs.row import CoreRow, read_row
from agent.queue.job import Job, JobKey
from workers_runtime.json_text import JsonObject


def row_submission(agent: Agent, call: Call, given: JsonObject) -> tuple[CoreRow, Activation | Job]:
    """Raises `Problem`. A row that was submitted before is recognised by its request: its agent and
    status are not checked again."""
    tenant, data = call.known_tenant(), given["activation_data"]
    key = JobKey(tenant, text_of(given, "activation_id", ID, ID_TEXT))
    row = read_row(data)
    job = agent.wait(agent.jobs().get(key))
    if job is not None:
        if not is_same_row(job, row, given.get("callback_url") or None):
            raise another(job)
        return row, job
    row.check_status()
    if data.get("priority") is not None:
        given = {"priority": data["priority"], **given}
    names = (id if ID.fullmatch(id) else "" for id in (row.agent_id, row.agent_type_id))
    found = agent.wait(agent.agents().find(tenant, *names))
    return row, row_activation(given, tenant, call.scopes, row, resolve(row, found))


def log_refusal(agent: Agent, call: Call, given: dict[str, object], why: Problem) -> None:
    id = str(given.get("activation_id"))[:SHOWN]
    fields = {"tenant": call.tenant, "activation": id, "error": str(why)}
    agent.log({"event": "activation-refused", **fields})


def another(job: Job) -> Problem:
    hint = "submit this one under another id"
    message = f"activation {job.key.id} exists, with other content: {hint}"
    return Problem(409, message, state=job.state)
