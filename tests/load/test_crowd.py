"""Many requests that fail in the same moment leave the router as it was.

With Python's own garbage collection the isolate ends within the first hundred of them
(`workers_runtime/garbage.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx

from tests.load.modes import AT_ONCE
from tests.load.site import Site

CLIENTS = 40
REQUESTS = 12  # of each


async def ask(site: Site) -> Counter[int]:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=site.url, limits=limits, timeout=20) as client:
        await site.act(client, AT_ONCE.bad, AT_ONCE.act)
        answers = await asyncio.gather(*(several(client, number) for number in range(CLIENTS)))
        await site.act(client, AT_ONCE.bad, "well")
    return Counter(status for statuses in answers for status in statuses)


async def several(client: httpx.AsyncClient, number: int) -> list[int]:
    statuses = []
    for count in range(REQUESTS):
        method = "POST" if count % 2 else "GET"
        headers = {"host": AT_ONCE.host, "x-load-id": f"at-once/{number}/{count}"}
        answer = await client.request(method, "/work", headers=headers)
        statuses.append(answer.status_code)
    return statuses


def test_timeouts_of_many_requests_at_once(site: Site) -> None:
    statuses = asyncio.run(ask(site))
    assert statuses.keys() <= {503, 504}
    assert statuses.total() == CLIENTS * REQUESTS
    assert httpx.get(f"{site.url}/.router/health", timeout=20).status_code == 200
    assert "internal-error" not in site.output
