"""The table of endpoints: routes a request to its handler, and turns problems into responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from agent.core.api import activations, agents, apps, workers
from agent.core.api.analytics import analytics
from agent.core.api.executing import execute
from agent.core.api.polling import poll
from agent.core.api.scaling import scale
from agent.core.capabilities.execution import CAPABILITIES
from agent.core.http import responses
from agent.core.http.call import Call
from agent.core.http.problem import Problem
from agent.core.http.responses import Response, error
from agent.core.isolate.agent import Agent
from agent.core.isolate.metrics import Backlog, prefers_text
from agent.queue.database import DatabaseError, Mistake
from agent.schemas.document import document_text
from workers_runtime.prometheus import CONTENT_TYPE

RETRY_AFTER = "2"  # seconds
Handler = Callable[..., Response]  # (agent, call, and what stands in the path for `{…}`)


class Endpoint(NamedTuple):
    """`path`: as the table has it, "" for none."""

    path: str
    methods: dict[str, Handler]
    parts: tuple[str, ...] = ()

    @property
    def allowed_methods(self) -> list[str]:
        """The methods of the endpoint."""
        return [*self.methods, *(["HEAD"] if self.handler("HEAD") else [])]

    def handler(self, method: str) -> Handler | None:
        """HEAD is handled as GET, but not for `/poll`: the jobs it leases would be lost."""
        if method == "HEAD":
            found = self.methods.get("GET")
            return None if found is poll else found
        return self.methods.get(method)


def answer(agent: Agent, call: Call) -> Response:
    """The response to any request, which is counted."""
    endpoint = endpoint_of(call.path)
    try:
        fields = (call.method, call.headers, endpoint.allowed_methods, call.now_ms)
        response = agent.settings.cors.preflight(*fields) or _answer(agent, call, endpoint)
    except Problem as problem:
        # The SDK looks for `message`.
        for_sdk = {"message": str(problem)} if endpoint.path.startswith("/apps/") else {}
        more = {**for_sdk, **problem.more}
        response = error(problem.status, str(problem), call.now_ms, problem.headers, **more)
        response = response._replace(facts=problem.facts)
    except DatabaseError as failed:
        agent.log({"event": "database-error", "error": str(failed)[:500]})
        response = _no_database(failed, call.now_ms)
    response = _to_be_tried_again(response)
    agent.metrics.requests[endpoint.path, response.status] += 1
    return response


def endpoint_of(path: str) -> Endpoint:
    if path in ENDPOINTS and path not in PATTERNS:
        return Endpoint(path, ENDPOINTS[path])
    segments = path.split("/")
    for name, pattern in PATTERNS.items():
        if len(pattern) == len(segments) and _fits(pattern, segments):
            parts = (
                got for segment, got in zip(pattern, segments, strict=True) if segment[:1] == "{"
            )
            return Endpoint(name, ENDPOINTS[name], tuple(map(unquote, parts)))
    return Endpoint("", {})


def _fits(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    """A part `{…}` of a path is never empty."""
    pairs = zip(pattern, segments, strict=True)
    return all(got if segment[:1] == "{" else segment == got for segment, got in pairs)


def _answer(agent: Agent, call: Call, endpoint: Endpoint) -> Response:
    if not endpoint.path:
        raise Problem(404, f"there is no endpoint {call.path[:200]}")
    handler = endpoint.handler(call.method)
    if handler is None:
        allowed = ", ".join(endpoint.allowed_methods)
        raise Problem(405, f"this endpoint takes {allowed}", (("allow", allowed),))
    return handler(agent, call, *endpoint.parts)


def _no_database(failed: DatabaseError, now_ms: float) -> Response:
    if isinstance(failed, Mistake):
        return error(500, "the queue could not do this", now_ms)
    return error(503, "the queue is busy, or does not answer: try again", now_ms)


def _to_be_tried_again(response: Response) -> Response:
    """Adds `Retry-After` to a 503 that has none."""
    if response.status != 503 or any(name == "retry-after" for name, _ in response.headers):
        return response
    return response._replace(headers=(*response.headers, ("retry-after", RETRY_AFTER)))


def _front(agent: Agent, call: Call) -> Response:
    return responses.front()


def _health(agent: Agent, call: Call) -> Response:
    return responses.healthy(agent.who, call.now_ms)


def _openapi(agent: Agent, call: Call) -> Response:
    return Response(200, document_text())


def _metrics(agent: Agent, call: Call) -> Response:
    backlog = agent.backlog.of(partial(_backlog, agent), agent.now())
    if prefers_text(call.headers.get("accept", "")):
        return Response(200, agent.metrics.text(agent.who, backlog), CONTENT_TYPE)
    document = agent.metrics.document(agent.who, list(CAPABILITIES), backlog, call.now_ms)
    return responses.json_response(document)


def _backlog(agent: Agent) -> Backlog | None:
    """Returns None if the database does not answer: metrics are served without it."""
    now = round(agent.now())
    try:
        queue = agent.wait(agent.jobs().depth(now))
        return Backlog(queue, agent.wait(agent.callbacks().depth(now)))
    except (Problem, DatabaseError):
        return None


ENDPOINTS: dict[str, dict[str, Handler]] = {
    "/": {"GET": _front},
    "/register": {"GET": workers.register, "POST": workers.register},
    "/heartbeat": {"GET": workers.heartbeat, "POST": workers.heartbeat},
    "/workers": {"GET": workers.listing},
    "/workers/scale": {"GET": scale},
    "/poll": {"GET": poll, "POST": poll},
    "/execute": {"POST": execute},
    "/health": {"GET": _health},
    "/status": {"GET": _health},
    "/openapi.json": {"GET": _openapi},
    "/metrics": {"GET": _metrics},
    "/analytics": {"GET": analytics},
    "/activations": {"GET": activations.listing, "POST": activations.submit},
    "/activations/{id}": {"GET": activations.show, "DELETE": activations.cancel},
    "/activations/{id}/cancel": {"POST": activations.cancel},
    "/activations/{id}/retry": {"POST": activations.retry},
    "/activations/{id}/extend": {"POST": activations.extend},
    "/activations/{id}/complete": {"POST": activations.complete},
    "/activations/{id}/fail": {"POST": activations.fail},
    "/agents": {"GET": agents.listing},
    "/agents/{id}": {"GET": agents.show, "PUT": agents.put, "DELETE": agents.delete},
    "/apps/{app}/agents/activations/{id}": {"GET": apps.show},
    "/apps/{app}/agents/{id}/activate": {"POST": apps.activate},
}
# Paths with parts, by their segments.
PATTERNS = {path: path.split("/") for path in ENDPOINTS if "{" in path}
