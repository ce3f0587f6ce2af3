"""What applies to every response: it is recorded, it is logged in development, and pages of allowed
origins may read it.

None of it changes a response's status or body.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.core.http.call import Call
from agent.core.http.debug_log import answer_event, request_event
from agent.core.http.responses import Response, error
from agent.core.isolate.agent import Agent
from agent.core.serving.endpoints import answer, endpoint_of
from agent.records.request import RequestRecord, data_point

Record = Callable[[str], int]  # takes a data point; how many rows were lost so far


def respond(agent: Agent, call: Call, record: Record) -> Response:
    """The response to any request. Never raises."""
    return (_logged if agent.settings.is_development else _recorded)(agent, call, record)


def _recorded(agent: Agent, call: Call, record: Record) -> Response:
    began = agent.clock()
    response = agent.settings.cors.applied(call.headers, _safe(agent, call))
    took_ms = max(0.0, agent.clock() - began)
    fields = (call.now_ms, endpoint_of(call.path).path, call.method)
    request = RequestRecord(*fields, response.status, took_ms, call.tenant, response.facts)
    agent.metrics.records_lost = record(data_point(request, agent.who))
    return response


def _safe(agent: Agent, call: Call) -> Response:
    try:
        return answer(agent, call)
    except Exception as unexpected:
        agent.log({"event": "internal-error", "error": type(unexpected).__name__})
        agent.metrics.requests[endpoint_of(call.path).path, 500] += 1
        return error(500, "the agent could not handle this request", call.now_ms)


def _logged(agent: Agent, call: Call, record: Record) -> Response:
    log = _RequestLog(agent, call)
    began = agent.clock()
    response = _recorded(agent, call._replace(body=log.body), record)
    log.write()
    headers = {"content-type": response.content_type, **dict(response.headers)}
    agent.log(answer_event(response.status, headers, response.body, agent.clock() - began))
    return response


class _RequestLog:
    """Logs a request once: with its body when that is read, else without it at the end."""

    def __init__(self, agent: Agent, call: Call) -> None:
        self._agent = agent
        self._call = call
        self._is_written = False

    def body(self, most: int) -> str | None:
        text = self._call.body(most)
        self.write(text)
        return text

    def write(self, body: str | None = None) -> None:
        if not self._is_written:
            self._is_written = True
            call = self._call
            fields = (call.method, call.path, call.query, call.headers)
            self._agent.log(request_event(*fields, body))
