"""What stands around every answer: it is recorded, in development it is logged, and pages of
allowed origins may read it.

None of that changes what an endpoint says, nor whether it says it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from agent.core.answers import Answer, error
from agent.core.cors import Cors, read_origins
from agent.core.debug_log import DEVELOPMENT, answer_line, request_line
from agent.core.endpoints import Agent, Call, answer, endpoint_of, tenant_of
from agent.edge.bridge import JsObject
from agent.edge.recording import record
from agent.records.request import Request, data_point


class Settings(NamedTuple):
    """What the variables say, which are the same for every request of an isolate."""

    cors: Cors
    is_development: bool


_settings: Settings | None = None


def settings_of(env: JsObject) -> Settings:
    """Read once."""
    global _settings
    if _settings is None:
        _settings = Settings(
            read_origins(str(getattr(env, "CORS_ORIGINS", None) or "")),
            str(getattr(env, "ENVIRONMENT", None) or "") == DEVELOPMENT,
        )
    return _settings


def answered(agent: Agent, call: Call, settings: Settings, env: JsObject, ctx: JsObject) -> Answer:
    """The answer to any request, whatever happens."""
    return (_logged if settings.is_development else _recorded)(agent, call, env, ctx)


def _recorded(agent: Agent, call: Call, env: JsObject, ctx: JsObject) -> Answer:
    began = agent.clock()
    made = agent.cors.applied(call.headers, _safe(agent, call))
    took_ms = max(0.0, agent.clock() - began)
    asked = (call.now_ms, endpoint_of(call.path), call.method)
    request = Request(*asked, made.status, took_ms, tenant_of(call), made.facts)
    agent.metrics.records_lost = record(env, ctx, data_point(request, agent.who))
    return made


def _safe(agent: Agent, call: Call) -> Answer:
    try:
        return answer(agent, call)
    except Exception as unexpected:
        print(json.dumps({"event": "internal-error", "error": type(unexpected).__name__}))
        agent.metrics.requests[endpoint_of(call.path), 500] += 1
        return error(500, "the agent could not handle this request", call.now_ms)


def _logged(agent: Agent, call: Call, env: JsObject, ctx: JsObject) -> Answer:
    heard = _Heard(call)
    began = agent.clock()
    made = _recorded(agent, call._replace(body=heard.body), env, ctx)
    heard.tell()
    headers = {"content-type": made.content_type, **dict(made.headers)}
    print(answer_line(made.status, headers, made.body, agent.clock() - began))
    return made


class _Heard:
    """Tells about a request once: with its body, when that is read, or without, in the end."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._is_told = False

    def body(self, most: int) -> str | None:
        text = self._call.body(most)
        self.tell(text)
        return text

    def tell(self, body: str | None = None) -> None:
        if not self._is_told:
            call, self._is_told = self._call, True
            print(request_line(call.method, call.path, call.query, call.headers, body))
