"""The clients of a drill: an open loop, honest about what it could not send."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from policies.drill_plan.model import Traffic
from router.dev.loopback import free_port
from router.drill.traffic import Clients

pytestmark = pytest.mark.load

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nx-router-variant: eu\r\nset-cookie: a=b\r\ncontent-length: 4\r\n\r\n"


def traffic(**fields: Any) -> Traffic:
    requests = [{"name": "read", "path": "/"}]
    return Traffic.model_validate({"rate": "50/1s", "requests": requests, **fields})


async def _run(
    url: str, plan: Traffic, seconds: float, meanwhile: Callable[[], None] | None = None
) -> Clients:
    async with Clients(url, plan) as clients:
        driving = asyncio.create_task(clients.run())
        if meanwhile:
            asyncio.get_running_loop().call_later(seconds / 3, meanwhile)
        await asyncio.sleep(seconds)
        clients.stop()
        await driving
        return clients


def against(
    serve: Serve, plan: Traffic, seconds: float = 0.6, meanwhile: Callable[[], None] | None = None
) -> tuple[Clients, list[bytes]]:
    """What clients saw of a server that treats each request as `serve` does."""
    heads: list[bytes] = []

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/.router/health" in head:
                    writer.write(HEAD + b"fine")
                    continue
                heads.append(head)
                await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def main() -> Clients:
        async with await asyncio.start_server(connection, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await _run(f"http://127.0.0.1:{port}", plan, seconds, meanwhile)

    return asyncio.run(main()), heads


async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"body")


async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.3)
    await answer(reader, writer)


async def answer_never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    raise ConnectionResetError


async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"bo")
    await writer.drain()
    writer.close()
    raise ConnectionResetError


def due_by(clients: Clients) -> int:
    """How many requests were due before the traffic was stopped."""
    return int(clients.end * 50 - 1e-9) + 1


def sent_by(clients: Clients) -> int:
    """How many of them were sent. On a busy machine those of the last moment may not start
    before the traffic is stopped; what has room and time is sent."""
    sent = due_by(clients) - len(clients.not_started)
    assert sent >= 5
    return sent


def test_answers() -> None:
    clients, heads = against(answer, traffic())
    assert len(clients.outcomes) == len(heads) == sent_by(clients)
    assert {(o.status, o.variant, o.failure, o.request) for o in clients.outcomes} == {
        (200, "eu", "", "read")
    }
    assert not any(b"cookie" in head for head in heads)
    assert [o.at for o in sorted(clients.outcomes)] == pytest.approx(
        [i / 50 for i in range(len(heads))]
    )


def test_slow_answers_do_not_slow_the_clients() -> None:
    clients, heads = against(answer_late, traffic())
    assert len(heads) == sent_by(clients)
    assert min(outcome.seconds for outcome in clients.outcomes) >= 0.3


def test_what_has_no_room_is_counted_and_not_sent_later() -> None:
    clients, heads = against(answer_late, traffic(in_flight=2))
    assert 2 <= len(heads) <= 6
    assert len(heads) == len(clients.outcomes)
    assert len(heads) + len(clients.not_started) == due_by(clients)


def test_waiting_for_its_turn_is_part_of_a_requests_time() -> None:
    clients, _ = against(answer, traffic(), meanwhile=lambda: time.sleep(0.4))
    assert max(outcome.seconds for outcome in clients.outcomes) >= 0.35
    assert len(clients.outcomes) + len(clients.not_started) == due_by(clients)


def test_what_would_come_much_too_late_is_left_out() -> None:
    clients, heads = against(answer, traffic(), seconds=2.4, meanwhile=lambda: time.sleep(1.5))
    assert len(clients.not_started) >= 20  # of the 25 that were due a second before the end
    assert len(heads) + len(clients.not_started) == due_by(clients)


@pytest.mark.parametrize(
    ("serve", "failure", "status", "variant"),
    [
        (answer_never, "timeout", 0, ""),
        (hang_up, "no answer", 0, ""),
        (break_off, "broken off", 200, "eu"),
    ],
)
def test_failures(serve: Serve, failure: str, status: int, variant: str) -> None:
    clients, _ = against(serve, traffic(timeout="400ms"), seconds=0.2)
    seen = Counter((o.failure, o.status, o.variant) for o in clients.outcomes)
    assert seen == {(failure, status, variant): sent_by(clients)}
    assert min(outcome.seconds for outcome in clients.outcomes) >= 0.4
    assert all(outcome.is_error for outcome in clients.outcomes)
    assert clients.in_flight == 0


def test_nobody_listens() -> None:
    clients = asyncio.run(_run(f"http://127.0.0.1:{free_port()}", traffic(), 0.2))
    assert {outcome.failure for outcome in clients.outcomes} == {"no connection"}
