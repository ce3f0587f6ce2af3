"""`GET /workers/scale`: the load of workers that poll, for autoscalers.

It counts jobs of `dispatch: poll` only, since the agent runs the others itself: those of the key's
tenant, or of all tenants for a key of scope `agent:worker`. A capability that the request names is
in the response even without jobs, so a scaler always finds its number.
"""

from __future__ import annotations

from agent.core.api.workers import visible_tenant
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import names_of, read_query, text_of
from agent.core.http.responses import Response, json_response
from agent.core.isolate.agent import Agent
from agent.core.isolate.metrics import desired_workers
from agent.queue.limits import CAPABILITY, CAPABILITY_TEXT, MAX_CAPABILITIES, NAME, NAME_TEXT
from agent.workers.worker import Load

FIELDS = ("capability", "tenant")


def scale(agent: Agent, call: Call) -> Response:
    tenant, given = visible_tenant(call), read_query(call, FIELDS)
    if "tenant" in given:
        tenant = call.tenant_of_job(text_of(given, "tenant", NAME, NAME_TEXT))
    names = names_of(given, "capability") if "capability" in given else []
    for name in names:
        text_of({"capability": name}, "capability", CAPABILITY, CAPABILITY_TEXT)
    if len(names) > MAX_CAPABILITIES:
        raise Problem(400, f"`capability` is at most {MAX_CAPABILITIES} names, with commas")
    found = agent.wait(agent.workers().loads(tenant, names, round(agent.now())))
    capabilities = {name: _to_dict(load) for name, load in found.by_capability.items()}
    return json_response(
        {"status": "success", **_to_dict(found.total), "capabilities": capabilities}
    )


def _to_dict(load: Load) -> dict[str, int]:
    jobs = load.waiting + load.leased
    return {"jobs": jobs, "desired_workers": desired_workers(jobs), **load._asdict()}
