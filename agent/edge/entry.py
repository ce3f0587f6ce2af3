"""Where workerd calls in: one synchronous, module-level handler.

Nothing is random at import: imports run once, at deploy, into a memory image that every
isolate starts from. So an isolate becomes somebody with its first request.
"""

from __future__ import annotations

import time
from functools import partial
from secrets import randbits, token_hex
from urllib.parse import parse_qsl

from agent.core.endpoints import Agent, Call
from agent.core.identity import Identity, identity_of
from agent.core.metrics import Metrics
from agent.edge.around import answered, settings_of
from agent.edge.bridge import JsObject, body_text, read, response
from agent.edge.cache import store_of
from agent.edge.garbage import take_over, tidy
from agent.edge.tools import EdgeTools

_metrics = Metrics()
_who: Identity | None = None
take_over()


def on_fetch(request: JsObject, env: JsObject, ctx: JsObject) -> JsObject:
    """Workers' `fetch` event."""
    tidy()
    now, method, path, query, headers = read(request)
    settings, who = settings_of(env), _identity(env, now)
    tools, store = partial(EdgeTools, env, ctx), partial(store_of, env, ctx)
    agent = Agent(who, _metrics, _clock, tools, store, settings.cors)
    asked = dict(parse_qsl(query, keep_blank_values=True))
    body = partial(body_text, request)
    call = Call(method, path, asked, headers, now, token_hex(8), body)
    return response(answered(agent, call, settings, env, ctx))


def _clock() -> float:
    return time.perf_counter() * 1000


def _identity(env: JsObject, now: float) -> Identity:
    global _who
    if _who is None:
        region = str(getattr(env, "REGION", None) or "global")
        _who = identity_of(str(getattr(env, "VARIANT", None) or ""), region, randbits(32), now)
    return _who
