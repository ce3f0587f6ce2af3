"""Steady load: clients that send at fixed times, whatever becomes of what they sent before.

A client that waited for its answers would spare a variant that hangs. Every client has
connections of its own, sends GET and POST (without an `Idempotency-Key`) in turn, and ends
when it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

import httpx

from tests.load.modes import Mode

CLIENTS = 4  # in each group
RATE = 6.0  # requests a second, of each
IN_FLIGHT = 40  # of each at most; enough for all that can hang
PATIENCE = 20.0  # longer than the router's own limit
BODY = b"once"


class Sent(NamedTuple):
    """A request and what became of it. `status`: None if no answer began; `is_whole`: its
    body came to the end."""

    id: str
    mode: str
    method: str
    begun: float
    ended: float
    status: int | None
    is_whole: bool
    retry_after: str | None

    @property
    def is_good(self) -> bool:
        return self.status == 200 and self.is_whole

    @property
    def is_broken(self) -> bool:
        """It began well, and broke off."""
        return self.status == 200 and not self.is_whole


async def steady(url: str, mode: Mode, number: int, stop: asyncio.Event) -> list[Sent]:
    """One client of `mode`, until `stop`; all that it sent."""
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    loop, sent, waiting = asyncio.get_running_loop(), list[Sent](), set[asyncio.Task[None]]()
    gate = asyncio.Semaphore(IN_FLIGHT)
    due = loop.time() + number / (RATE * CLIENTS)
    count = 0
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=PATIENCE) as client:
        while not await _stopped(stop, due - loop.time()):
            await gate.acquire()
            method = "POST" if count % 2 else "GET"
            task = asyncio.create_task(
                _ask(client, mode, f"{mode.name}/{number}/{count}", method, sent.append)
            )
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            task.add_done_callback(lambda _: gate.release())
            count += 1
            due += 1 / RATE
        await asyncio.gather(*waiting)
    return sent


async def _stopped(stop: asyncio.Event, within: float) -> bool:
    if within > 0 and not stop.is_set():  # `wait_for` of no time sees nothing
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), within)
    return stop.is_set()


async def _ask(
    client: httpx.AsyncClient, mode: Mode, name: str, method: str, take: Callable[[Sent], None]
) -> None:
    status, is_whole, retry_after, begun = None, False, None, time.time()
    content = BODY if method == "POST" else None
    headers = {"host": mode.host, "x-load-id": name}
    try:
        async with client.stream(method, "/work", headers=headers, content=content) as answer:
            status, retry_after = answer.status_code, answer.headers.get("retry-after")
            await answer.aread()
            is_whole = True
    except httpx.TransportError:
        pass
    take(Sent(name, mode.name, method, begun, time.time(), status, is_whole, retry_after))
