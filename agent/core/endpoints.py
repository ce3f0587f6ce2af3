"""Which endpoint a request is for, and what it answers.

A request comes in as a `Call`; what it depends on beside that, an `Agent`, is the isolate's
own. Nothing here knows how either came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.core import answers
from agent.core.answers import Answer, Facts, error
from agent.core.cache import Store, run_or_recall
from agent.core.capabilities.refused import Refused, Unavailable
from agent.core.capabilities.tools import Tools
from agent.core.cors import Cors
from agent.core.execution import CAPABILITIES, MAX_BODY, read_job
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
    """`clock` gives milliseconds for durations; `tools`: those of a tenant with its scopes;
    `store`: where results are kept, if anywhere."""

    who: Identity
    metrics: Metrics
    clock: Callable[[], float]
    tools: Callable[[str, frozenset[str]], Tools]
    store: Callable[[], Store | None] = lambda: None
    cors: Cors = Cors()

    @property
    def capabilities(self) -> list[str]:
        return list(CAPABILITIES)


def answer(agent: Agent, call: Call) -> Answer:
    """The answer to any request, which is counted."""
    asked = (call.method, call.headers, methods_of(call.path), call.now_ms)
    made = agent.cors.preflight(*asked) or _answer(agent, call)
    agent.metrics.requests[endpoint_of(call.path), made.status] += 1
    return made


def endpoint_of(path: str) -> str:
    """The endpoint as it is counted and recorded; nothing if there is none."""
    return path if path in ENDPOINTS else ""


def methods_of(path: str) -> list[str]:
    methods = ENDPOINTS.get(path, {})
    return [*methods, *(["HEAD"] if "GET" in methods else [])]


def _answer(agent: Agent, call: Call) -> Answer:
    methods = ENDPOINTS.get(call.path)
    if methods is None:
        return error(404, f"there is no endpoint {call.path[:200]}", call.now_ms)
    method = "GET" if call.method == "HEAD" and "GET" in methods else call.method
    handler = methods.get(method)
    if handler is None:
        allowed = ", ".join(methods_of(call.path))
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
        tools = agent.tools(tenant_of(call), scopes_of(call))
        variant = agent.who.variant
        ran = run_or_recall(job, tools, agent.store, variant, call.headers, call.now_ms)
    except (Refused, Unavailable) as why:
        agent.metrics.jobs[job.capability, "failed"] += 1
        code, more = 422 if isinstance(why, Refused) else 503, {**why.more, "job_id": job.id}
        failed = error(code, str(why), call.now_ms, status="failed", **more)
        return failed._replace(facts=Facts(job.capability, "failed"))
    agent.metrics.jobs[job.capability, "completed"] += 1
    took = max(0.0, agent.clock() - began)
    made = answers.completed(job.id, ran.result, took, call.now_ms + took, **ran.more)
    facts = Facts(job.capability, "completed", ran.found)
    return made._replace(headers=ran.headers, facts=facts)


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
