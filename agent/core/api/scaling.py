"""`GET /workers/scale`: how much there is to do for workers that poll, as scalers read it.

It counts jobs of `dispatch: poll` alone, since the agent runs the others itself: one's own, and
everybody's for a key of scope `agent:worker`. A capability that is asked for is in the answer
even if there is nothing to do, so a scaler always finds its number.
"""

from __future__ import annotations

from agent.core.api.workers import seen_by
from agent.core.http.answers import Answer, json_answer
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.reading import names_of, read_query, text_of
from agent.core.isolate.agent import Agent
from agent.core.isolate.metrics import desired_workers
from agent.queue.limits import CAPABILITY, CAPABILITY_TEXT, MAX_CAPABILITIES, NAME, NAME_TEXT
from agent.workers.worker import Load

FIELDS = ("capability", "tenant")


def scale(agent: Agent, call: Call) -> Answer:
    tenant, given = seen_by(call), read_query(call, FIELDS)
    if "tenant" in given:
        tenant = call.tenant_of_job(text_of(given, "tenant", NAME, NAME_TEXT))
    asked = names_of(given, "capability") if "capability" in given else []
    for name in asked:
        text_of({"capability": name}, "capability", CAPABILITY, CAPABILITY_TEXT)
    if len(asked) > MAX_CAPABILITIES:
        raise Problem(400, f"`capability` is at most {MAX_CAPABILITIES} names, with commas")
    found = agent.wait(agent.workers().loads(tenant, asked, round(agent.now())))
    each = {name: _told(load) for name, load in found.by_capability.items()}
    return json_answer({"status": "success", **_told(found.total), "capabilities": each})


def _told(load: Load) -> dict[str, int]:
    jobs = load.waiting + load.leased
    return {"jobs": jobs, "desired_workers": desired_workers(jobs), **load._asdict()}
