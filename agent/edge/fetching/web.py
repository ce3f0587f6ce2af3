"""The edge's HTTP client, through `web.js`, and `web_of`, the `Web` of a request.

Requests go through the service bound as `OUTBOUND`, or else through the runtime's own `fetch`. The
head of an answer crosses first; the body crosses when the agent knows how to read it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from pyodide.ffi import JsException, run_sync

from agent.core.refused import Unavailable
from agent.core.web.charsets import SNIFFED
from agent.core.web.egress import Egress
from agent.core.web.request import USER_AGENT, Request
from agent.core.web.web import Web, WebCaches
from agent.core.web.wire import Body, ResponseHead, WireError
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/fetching/web.js"
MAX_DNS_ANSWER = 64 * 1024  # bytes

_known = WebCaches()


def web_of(env: JsObject) -> Web:
    """The `Web` of the variables `FETCH_HOSTS` and `RESOLVER`."""
    try:
        egress = Egress.of(str(getattr(env, "FETCH_HOSTS", None) or ""))
    except ValueError as why:
        raise Unavailable(f"the agent's variable FETCH_HOSTS is wrong: {why}") from None
    resolver = str(getattr(env, "RESOLVER", None) or "")
    return Web(EdgeWire(env), egress, resolver, _known, _clock)


class EdgeWire:
    """The `Wire` of the edge."""

    def __init__(self, env: JsObject) -> None:
        self._env = env
        self._module = module(MODULE)

    def send(self, request: Request, timeout_ms: int) -> ResponseHead:
        headers = {**request.headers, "user-agent": USER_AGENT}
        init = json.dumps({"method": request.method, "headers": headers, "body": request.body})
        response, head = self._call(self._module.send, request.url, init, timeout_ms)
        fields = json.loads(head)
        return ResponseHead(fields["status"], tuple(map(tuple, fields["headers"])), response)

    def read(self, head: ResponseHead, most: int, timeout_ms: int) -> Body:
        bytes_, is_cut, start = self._call(
            self._module.read, head.handle, most, SNIFFED, timeout_ms
        )
        return Body(bool(is_cut), str(start), bytes_)

    def text(self, held: Body, charset: str) -> str:
        return str(self._call(self._module.text, held.handle, charset))

    def ask(self, urls: Sequence[str], timeout_ms: int) -> list[str]:
        text = json.dumps(urls)
        answers: list[str] = json.loads(
            self._call(self._module.ask, text, timeout_ms, MAX_DNS_ANSWER)
        )
        return answers

    def _call(self, function: JsObject, *args: object) -> JsObject:
        try:
            return run_sync(function(self._env, *args))
        except JsException as error:
            raise WireError(str(error.name), str(error.message)) from error


def _clock() -> float:
    return time.perf_counter() * 1000
