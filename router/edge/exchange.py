"""A request with what belongs to this invocation of the Worker."""

from __future__ import annotations

from typing import NamedTuple

from policies.decisions.headers import Trace
from policies.decisions.outgoing import Outgoing
from policies.decisions.policy import CompiledPolicy
from policies.decisions.request import Request
from router.edge.bridge import JsObject
from router.edge.isolate import Isolate


class Exchange(NamedTuple):
    """`incoming` is the request as JavaScript has it, `now_ms` when it came; `told`:
    headers that whatever answers it carries, about rate limits."""

    isolate: Isolate
    policy: CompiledPolicy
    incoming: JsObject
    env: JsObject
    ctx: JsObject
    request: Request
    trace: Trace
    now_ms: float
    told: dict[str, str]

    def respelled(self, sent: Outgoing) -> str | None:
        """The URL to send, if it is not the one that came."""
        url = sent.target.url
        return None if url == self.request.target.sent else url
