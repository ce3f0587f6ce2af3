"""Sends callbacks from the edge, as the Worker's variables allow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import random
from secrets import token_hex

import js

from agent.callbacks.callbacks import Callbacks
from agent.callbacks.delivery import SEND_WITHIN_MS, DeliveryCounts, deliver_due
from agent.callbacks.message import CallbackRequest
from agent.callbacks.signing import Signer
from agent.callbacks.verdict import Reply
from agent.core.isolate.settings import Misconfigured, callback_hosts
from agent.core.web.egress import Egress
from agent.edge.d1.binding import d1_of
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/fetching/callbacks.js"
MOST_READ = 4_096  # bytes of a response's body, which are discarded


class HttpTransport:
    """Sends through the Worker bound as `OUTBOUND`, if there is one."""

    def __init__(self, outbound: JsObject | None, within_ms: int = SEND_WITHIN_MS) -> None:
        self._outbound = outbound
        self._within_ms = within_ms
        self._module = module(MODULE)

    async def send(self, requests: Sequence[CallbackRequest]) -> list[Reply]:
        text = json.dumps([request._asdict() for request in requests])
        replies = await self._module.sendAll(self._outbound, text, self._within_ms, MOST_READ)
        return [Reply(**reply) for reply in json.loads(str(replies))]

    def now_ms(self) -> int:
        return int(js.Date.now())

    def rng(self) -> float:
        return random()

    def ticket(self) -> str:
        return token_hex(16)


def callback_egress(env: JsObject) -> Egress:
    """Where callbacks may go, by `CALLBACK_HOSTS`; nowhere if it is empty. Raises
    `Misconfigured`."""
    return callback_hosts(_text(env, "CALLBACK_HOSTS"))


async def deliver(env: JsObject, for_ms: int) -> DeliveryCounts:
    """Send what is due; nothing is begun after `for_ms`. Raises `Misconfigured`
    before anything is taken, and what the database raises."""
    egress, signer = callback_egress(env), _signer(env)
    transport = HttpTransport(getattr(env, "OUTBOUND", None))
    callbacks = Callbacks(d1_of(env.JOBS))
    return await deliver_due(callbacks, transport, egress, signer, transport.now_ms() + for_ms)


def _signer(env: JsObject) -> Signer:
    try:
        return Signer.of(_text(env, "CALLBACK_SECRET"))
    except ValueError as why:  # which does not repeat the secret
        raise Misconfigured(str(why)) from None


def _text(env: JsObject, name: str) -> str:
    return str(getattr(env, name, None) or "")
