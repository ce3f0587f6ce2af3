"""The handlers that workerd calls: synchronous, at module level.

Nothing is random at import: imports run once, at deploy, into a memory image that every isolate
starts from. So an isolate gets its identity with its first request.
"""

from __future__ import annotations

from functools import partial

from agent.core.http.responses import error
from agent.core.isolate.settings import error_fields
from agent.core.serving.around import respond
from agent.core.serving.background import tick
from agent.edge.d1.recording import record
from agent.edge.fetching.outbound import TASK, pass_on
from agent.edge.isolate import agent_of, log, task_of
from agent.edge.runtime.bridge import RequestHead, call_of, read, response
from workers_runtime.garbage import take_over, tidy
from workers_runtime.javascript import JsObject

take_over()


def on_fetch(request: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """Workers' `fetch` event."""
    tidy()
    head = read(request, ctx)
    try:
        return _answer(request, env, ctx, head)
    except Exception as unexpected:
        log({"event": "internal-error", **error_fields(unexpected)})
        return response(error(500, "the agent could not handle this request", head.now_ms))


def on_scheduled(controller: JsObject, env: JsObject, ctx: JsObject) -> None:
    """Workers' `scheduled` event."""
    tidy()
    try:
        tick(agent_of(env, ctx))
    except Exception as unexpected:
        log({"event": "tick-failed", **error_fields(unexpected)})
        raise


def _answer(request: JsObject, env: JsObject, ctx: JsObject, head: RequestHead) -> JsObject:
    if head.task == TASK:
        return pass_on(request, env)
    agent = agent_of(env, ctx)
    if head.task:  # only the agent itself can set it
        return response(task_of(agent, head.task))
    return response(respond(agent, call_of(request, head), partial(record, env, ctx)))
