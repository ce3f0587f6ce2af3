"""Which endpoint a request is for, and what it answers.

A request comes in as a `Call`; what it depends on beside that, an `Agent`, is the isolate's
own. Nothing here knows how either came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.core import answers
from agent.core.answers import Answer, error
from agent.core.capabilities.refused import Refused, Unavailable
from agent.core.capabilities.tools import Stream, Tools
from agent.core.execution import CAPABILITIES, MAX_BODY, read_job, run_job
from agent.core.identity import Identity
from agent.core.metrics import PROMETHEUS, Metrics, prefers_text

ANONYMOUS = "anonymous"  # who asks through a route without keys


class Call(NamedTuple):
    """`headers`: by their lower-case names. `body` reads the request's body as text; None if it
    is larger than that many bytes. `new_id`: a name for a job that has none."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    now_ms: float
    new_id: str
    body: Callable[[int], str | None]


class Agent(NamedTuple):
    """`clock` gives milliseconds for durations; `tools`: those of a tenant with its scopes."""

    who: Identity
    metrics: Metrics
    clock: Callable[[], float]
    tools: Callable[[str, frozenset[str]], Tools]

    @property
    def capabilities(self) -> list[str]:
        return list(CAPABILITIES)


def answer(agent: Agent, call: Call) -> Answer:
    """The answer to any request, which is counted."""
    made = _answer(agent, call)
    endpoint = call.path if call.path in ENDPOINTS else ""
    agent.metrics.requests[endpoint, made.status] += 1
    return made


def _answer(agent: Agent, call: Call) -> Answer:
    methods = ENDPOINTS.get(call.path)
    if methods is None:
        return error(404, f"there is no endpoint {call.path[:200]}", call.now_ms)
    method = "GET" if call.method == "HEAD" and "GET" in methods else call.method
    handler = methods.get(method)
    if handler is None:
        allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])
        return error(405, f"this endpoint takes {allowed}", call.now_ms, (("allow", allowed),))
    return handler(agent, call)


def _front(agent: Agent, call: Call) -> Answer:
    return answers.front()


def _register(agent: Agent, call: Call) -> Answer:
    return answers.registered(agent.who, agent.capabilities, call.now_ms)


def _heartbeat(agent: Agent, call: Call) -> Answer:
    return answers.alive(agent.who, call.now_ms)


def _health(agent: Agent, call: Call) -> Answer:
    return answers.healthy(agent.who, call.now_ms)


def _metrics(agent: Agent, call: Call) -> Answer:
    if prefers_text(call.headers.get("accept", "")):
        return Answer(200, agent.metrics.text(agent.who), PROMETHEUS)
    return answers.json_answer(agent.metrics.document(agent.who, agent.capabilities))


def _execute(agent: Agent, call: Call) -> Answer:
    text = call.body(MAX_BODY)
    if text is None:
        return error(413, f"the body has more than {MAX_BODY:,} bytes", call.now_ms)
    try:
        job = read_job(text, call.new_id)
    except Refused as refused:
        return error(400, str(refused), call.now_ms)
    began = agent.clock()
    try:
        result = run_job(job, agent.tools(tenant_of(call), scopes_of(call)))
    except (Refused, Unavailable) as why:
        agent.metrics.jobs[job.capability, "failed"] += 1
        code, more = 422 if isinstance(why, Refused) else 503, {**why.more, "job_id": job.id}
        return error(code, str(why), call.now_ms, status="failed", **more)
    agent.metrics.jobs[job.capability, "completed"] += 1
    if isinstance(result, Stream):
        return answers.streamed(result)
    took = max(0.0, agent.clock() - began)
    return answers.completed(job.id, result, took, call.now_ms + took)


def tenant_of(call: Call) -> str:
    """The id of the API key, as the router says it."""
    return call.headers.get("x-router-key-id", ANONYMOUS)


def scopes_of(call: Call) -> frozenset[str]:
    return frozenset(call.headers.get("x-router-key-scopes", "").split())


Handler = Callable[[Agent, Call], Answer]
ENDPOINTS: dict[str, dict[str, Handler]] = {
    "/": {"GET": _front},
    "/register": {"GET": _register, "POST": _register},
    "/heartbeat": {"GET": _heartbeat, "POST": _heartbeat},
    "/execute": {"POST": _execute},
    "/health": {"GET": _health},
    "/metrics": {"GET": _metrics},
}
