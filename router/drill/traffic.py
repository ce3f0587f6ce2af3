"""Clients: requests start when they are due, independently of others.

- Latency counts from the moment when a request was due, not from when it was sent: a real client
  would have waited, too (`policies/drill_plan/schedule.py`).
- Requests that cannot be started in time are counted, but not sent.
- Responses are read to the end and discarded; an incomplete body is a failure.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, aclosing, suppress
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from typing import NamedTuple

import httpx

from policies.drill_plan.model import Traffic
from policies.drill_plan.outcomes import DrillOutcome
from policies.drill_plan.schedule import due_at, order
from router.drill.kind import RequestKind

MAX_LATE_S = 1.0  # a request that would start later is not sent
# A connection pool checks all its connections for each request, so there are several small ones.
POOL_SIZE = 25
VARIANT = "x-router-variant"


class Clients:
    """Sends the traffic of a plan to `url`, from entering the context until `stop`. `outcomes` are
    in the order in which requests end."""

    def __init__(
        self, url: str, traffic: Traffic, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.outcomes: list[DrillOutcome] = []
        self.not_started: list[float] = []
        self._traffic = traffic
        self._url = url
        self._kinds = [RequestKind(url, request) for request in traffic.requests]
        self._pools: list[Pool] = []
        self._open = AsyncExitStack()
        self._clock = clock
        self._began = clock()
        self._stopped = asyncio.Event()
        self._end = 0.0

    @property
    def now(self) -> float:
        """Seconds since the traffic started."""
        return self._clock() - self._began

    @property
    def in_flight(self) -> int:
        return sum(pool.busy for pool in self._pools)

    @property
    def end(self) -> float:
        """Return until when requests were due: now, or when the traffic was stopped."""
        return self._end if self._stopped.is_set() else self.now

    def stop(self) -> None:
        """Start no more requests; `run` waits for the running ones."""
        if not self._stopped.is_set():
            self._end = self.now
            self._stopped.set()

    async def __aenter__(self) -> Clients:
        context = httpx.create_ssl_context()  # once: it reads all certificates
        for size in _sizes(self._traffic.in_flight):
            self._pools.append(Pool(size, context))
            await self._open.enter_async_context(self._pools[-1].client)
        await self._warm_up()
        self._began = self._clock()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def run(self) -> None:
        """Send until `stop`, and return when the last request has ended."""
        async with asyncio.TaskGroup() as group:
            for what in self._due():
                wait = what.at - self.now
                await (self._pause(wait) if wait > 0 else asyncio.sleep(0))
                if self._stopped.is_set() and what.at >= self._end:
                    return
                self._start(group, what)

    async def _warm_up(self) -> None:
        """Send one request that does not count: the first use of connections and code would look
        like a slow router."""
        with suppress(httpx.HTTPError):
            await self._pools[0].client.get(f"{self._url}/.router/health", timeout=5)

    def _due(self) -> Iterator[Due]:
        """Yield the requests of the plan, without end."""
        turns = order([request.weight for request in self._traffic.requests])
        for number in count():
            kind = self._kinds[next(turns)]
            yield Due(kind, number, due_at(self._traffic.rate, number))

    def _start(self, group: asyncio.TaskGroup, what: Due) -> None:
        pool = next((pool for pool in self._pools if pool.has_room), None)
        late = self.now - what.at > MAX_LATE_S
        if pool is None or late or self._stopped.is_set():
            self.not_started.append(what.at)
            return
        pool.busy += 1
        group.create_task(self._send(pool, what))

    async def _pause(self, seconds: float) -> None:
        """Sleep; `stop` ends the pause."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    async def _send(self, pool: Pool, what: Due) -> None:
        status, variant, failure = 0, "", ""
        patience = self._traffic.timeout / 1000
        try:
            request = what.kind.request(pool.client, what.number)
            async with (
                asyncio.timeout(patience),
                aclosing(await pool.client.send(request, stream=True)) as answer,
            ):
                status, variant = answer.status_code, answer.headers.get(VARIANT, "")
                async for _ in answer.aiter_raw():
                    pass
        except TimeoutError:
            failure = "timeout"
        except httpx.ConnectError:
            failure = "no connection"
        except httpx.HTTPError:
            failure = "broken off" if status else "no answer"
        finally:
            pool.busy -= 1
        took = self.now - what.at
        if failure:  # a failed request counts with the client's whole timeout
            took = max(took, patience)
        self.outcomes.append(DrillOutcome(what.at, took, status, variant, failure, what.kind.name))


class Due(NamedTuple):
    """A request that is due `at` seconds after the start of the traffic."""

    kind: RequestKind
    number: int
    at: float


class Pool:
    """A connection pool, and the number of connections in use. Cookies are not kept, since each
    request is from a different client."""

    def __init__(self, size: int, context: ssl.SSLContext) -> None:
        limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
        self.client = httpx.AsyncClient(limits=limits, timeout=None, verify=context)
        self.client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.size = size
        self.busy = 0

    @property
    def has_room(self) -> bool:
        return self.busy < self.size


def _sizes(total: int) -> list[int]:
    """Return `total` as parts of `POOL_SIZE` and a rest."""
    whole, rest = divmod(total, POOL_SIZE)
    return [POOL_SIZE] * whole + [rest] * bool(rest)
