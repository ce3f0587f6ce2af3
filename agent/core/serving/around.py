"""What stands around every answer: it is recorded, in development it is logged, and pages of
allowed origins may read it.

None of that changes what an endpoint says, nor whether it says it.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.core.http.answers import Answer, error
from agent.core.http.call import Call
from agent.core.http.debug_log import answer_event, request_event
from agent.core.isolate.agent import Agent
from agent.core.serving.endpoints import answer, endpoint_of
from agent.records.request import RequestRecord, data_point

Record = Callable[[str], int]  # takes a data point; how many rows were lost so far


def answered(agent: Agent, call: Call, record: Record) -> Answer:
    """The answer to any request, whatever happens."""
    return (_logged if agent.settings.is_development else _recorded)(agent, call, record)


def _recorded(agent: Agent, call: Call, record: Record) -> Answer:
    began = agent.clock()
    made = agent.settings.cors.applied(call.headers, _safe(agent, call))
    took_ms = max(0.0, agent.clock() - began)
    asked = (call.now_ms, endpoint_of(call.path).path, call.method)
    request = RequestRecord(*asked, made.status, took_ms, call.tenant, made.facts)
    agent.metrics.records_lost = record(data_point(request, agent.who))
    return made


def _safe(agent: Agent, call: Call) -> Answer:
    try:
        return answer(agent, call)
    except Exception as unexpected:
        agent.log({"event": "internal-error", "error": type(unexpected).__name__})
        agent.metrics.requests[endpoint_of(call.path).path, 500] += 1
        return error(500, "the agent could not handle this request", call.now_ms)


def _logged(agent: Agent, call: Call, record: Record) -> Answer:
    heard = _Heard(agent, call)
    began = agent.clock()
    made = _recorded(agent, call._replace(body=heard.body), record)
    heard.tell()
    headers = {"content-type": made.content_type, **dict(made.headers)}
    agent.log(answer_event(made.status, headers, made.body, agent.clock() - began))
    return made


class _Heard:
    """Tells about a request once: with its body, when that is read, or without, in the end."""

    def __init__(self, agent: Agent, call: Call) -> None:
        self._agent = agent
        self._call = call
        self._is_told = False

    def body(self, most: int) -> str | None:
        text = self._call.body(most)
        self.tell(text)
        return text

    def tell(self, body: str | None = None) -> None:
        if not self._is_told:
            self._is_told = True
            call = self._call
            asked = (call.method, call.path, call.query, call.headers)
            self._agent.log(request_event(*asked, body))
