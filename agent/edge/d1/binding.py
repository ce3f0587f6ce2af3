"""Sends statements to a D1 binding through `binding.js`: one crossing there, one back."""

from __future__ import annotations

import random

from agent.edge.d1.database import D1, Send
from workers_runtime.javascript import module

MODULE = "agent/edge/d1/binding.js"


def d1_of(binding: object) -> D1:
    """The database of a binding; within a request, since it loads a module of JavaScript."""
    return D1(send_to(binding), pause, random.random)


def send_to(binding: object) -> Send:
    ask = module(MODULE).ask

    async def send(text: str) -> str:
        return str(await ask(binding, text))

    return send


async def pause(ms: float) -> None:
    await module(MODULE).pause(ms)
