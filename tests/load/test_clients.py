"""Clients of the load, without a router."""

from __future__ import annotations

import asyncio

import pytest

from router.dev.loopback import HOST, free_port
from tests.load import clients
from tests.load.modes import MODES


def test_a_client_that_is_late_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "RATE", 1e9)  # more than any machine sends

    async def told() -> list[clients.Sent]:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, stop.set)
        url = f"http://{HOST}:{free_port()}"  # where nobody answers
        return await asyncio.wait_for(clients.steady(url, MODES[0], 0, stop), 20)

    assert asyncio.run(told())
