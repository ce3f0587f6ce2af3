"""A run: all variants well, then the bad ones fail, then they heal, under the same load.

All groups go through it at the same time. It ends when every group has its share back, or
when the time for that is over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.load.clients import CLIENTS, PATIENCE, Sent, steady
from tests.load.judge import LEFT, Story, returned_after
from tests.load.modes import Mode
from tests.load.site import Arrival, Site

LOOK_EVERY = 1.0
Tell = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: how long all are well before, how long the bad ones fail, how long to wait
    at most for their share to be back, and how long to go on after that."""

    well: float
    ill: float
    back: float
    after: float = 2.0


class Run:
    """What is known so far."""

    def __init__(self, site: Site, modes: Sequence[Mode]) -> None:
        self.site, self.modes = site, modes
        self.arrivals: list[Arrival] = []
        self.failed_at: dict[str, float] = {}
        self.healed_at: dict[str, float] = {}
        self.probe_requests: Counter[str] = Counter()  # by variant

    async def look(self, client: httpx.AsyncClient) -> None:
        self.arrivals += await self.site.arrivals(client)

    async def act(self, client: httpx.AsyncClient, mode: Mode, act: str) -> float:
        return await self.site.act(client, mode.bad, act)

    def story(self, mode: Mode, sent: Sequence[Sent] = ()) -> Story:
        own = [arrival for arrival in self.arrivals if arrival.variant in mode.variants]
        mine = [each for each in sent if each.mode == mode.name]
        probe_requests = sum(self.probe_requests[variant] for variant in mode.bad)
        failed_at, healed_at = self.failed_at[mode.name], self.healed_at[mode.name]
        return Story(mode, mine, own, failed_at, healed_at, probe_requests)


async def play(site: Site, modes: Sequence[Mode], times: Times, tell: Tell) -> list[Story]:
    """One story for each mode."""
    stop, run = asyncio.Event(), Run(site, modes)
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        clients = [
            asyncio.create_task(steady(site.url, mode, number, stop))
            for mode in modes
            for number in range(CLIENTS)
        ]
        try:
            await _chapters(run, client, times, tell)
        finally:
            stop.set()
            sent = [each for found in await asyncio.gather(*clients) for each in found]
        await run.look(client)
    return [run.story(mode, sent) for mode in modes]


async def _chapters(run: Run, client: httpx.AsyncClient, times: Times, tell: Tell) -> None:
    tell("all are well")
    await asyncio.sleep(times.well)
    tell("the bad ones fail")
    for mode in run.modes:
        run.failed_at[mode.name] = await run.act(client, mode, mode.act)
    await asyncio.sleep(LEFT)
    before = run.site.probe_requests()
    await asyncio.sleep(times.ill - LEFT)
    run.probe_requests = run.site.probe_requests() - before
    for mode in run.modes:
        run.healed_at[mode.name] = await run.act(client, mode, "well")
    tell("the bad ones are well again")
    waiting = list(run.modes)
    deadline = asyncio.get_running_loop().time() + times.back
    while waiting and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(LOOK_EVERY)
        await run.look(client)
        for mode in list(waiting):
            after = returned_after(run.story(mode))
            if after is not None:
                tell(f"{mode.name}: its share is back after {after:.0f} s")
                waiting.remove(mode)
    await asyncio.sleep(times.after)
