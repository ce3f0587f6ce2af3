"""Endpoints of the FiberWise SDK: `/apps/{app}/agents/…`, which return its `AgentActivation`.

An activation of the SDK is like any other: it is submitted as a row of Core's, and `GET
/activations/{id}` shows it, too. The response does not wait for the run: its status is `queued`.
The app is kept in the metadata; the API key is the owner.

What cannot be run is 422, with the reason in `message`: version 0.1.2 of the SDK shows the message
of a 422, and cannot read 400 or 404.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from agent.core.api.activations import existing_job, submitted
from agent.core.api.polling import ticket_of
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import read_object
from agent.core.http.responses import Response, json_response
from agent.core.isolate.agent import Agent
from agent.core.jobs.core_format import core_activation_to_dict
from agent.core.jobs.payload import read_payload

FIELDS = ("input", "context", "metadata")
EXAMPLE = '{"input": {"prompt": "Hello"}}'
MAX_APP = 128  # characters


def activate(agent: Agent, call: Call, app: str, id: str) -> Response:
    given = read_object(call, FIELDS, EXAMPLE)
    if "input" not in given:
        raise Problem(400, f"`input` is missing; send one such as {EXAMPLE}")
    fields = dict[str, dict[str, object]]()
    for name, value in given.items():
        if not isinstance(value, dict):
            raise Problem(400, f"`{name}` is an object; send one such as {EXAMPLE}")
        fields[name] = value
    _check(app)
    data: dict[str, object] = {
        "agent_id": id,
        "input_data": fields["input"],
        "context": fields.get("context", {}),
        "metadata": {**fields.get("metadata", {}), "app_id": app},
    }
    named = activation_id(ticket_of(call) or agent.new_id())
    try:
        job = submitted(agent, call, {"activation_id": named, "activation_data": data})
    except Problem as why:
        status = 422 if why.status in (400, 404) else why.status
        raise Problem(status, str(why), why.headers, **why.more) from None
    return json_response(core_activation_to_dict(job, read_payload(job.payload), ()))


def show(agent: Agent, call: Call, app: str, id: str) -> Response:
    _check(app)
    job = existing_job(agent, call, id)
    steps = agent.wait(agent.records().log(job.key))
    return json_response(core_activation_to_dict(job, read_payload(job.payload), steps))


def _check(app: str) -> None:
    if len(app) > MAX_APP:
        raise Problem(400, f"the app in the path has more than {MAX_APP} characters")


def activation_id(ticket: str) -> str:
    """A UUID, the same when the router repeats a request."""
    return str(UUID(hashlib.sha256(ticket.encode()).hexdigest()[:32]))
