"""Sending what is due, as trajectories; and whoever sends ends at the worst moment."""

from __future__ import annotations

import asyncio
import json

import pytest

from agent.callbacks.callback import MAX_ATTEMPTS
from agent.callbacks.delivery import AT_ONCE, LEASE_MS, MAX_BATCHES, DeliveryCounts
from agent.callbacks.signing import Signer
from agent.callbacks.verdict import Reply
from agent.core.web.egress import Egress
from agent.queue.database import DatabaseUnavailable
from tests.agent.callbacks.making import SECRET, URL, Outbox, Way
from tests.agent.callbacks.receiving import verified
from tests.agent.queue.making import key


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def test_a_receiver_that_fails_and_then_accepts(outbox: Outbox) -> None:
    outbox.ended("sum")
    way = Way(outbox, Reply(503, "3600"), Reply(error="reset"), Reply(302), Reply(204))
    trajectory = []
    while (found := outbox.callback("sum")).state != "delivered":
        assert found.due_ms
        outbox.now = found.due_ms - 1
        outbox.deliver(way)
        outbox.now += 1
        outbox.deliver(way)
        told = outbox.callback("sum")
        trajectory.append((told.attempt, told.state, told.status))
    assert trajectory == [(1, "due", 503), (2, "due", None), (3, "due", 302), (4, "delivered", 204)]
    assert len(way.sent) == 4
    assert len({request.headers["webhook-id"] for request in way.sent}) == 1
    assert {request.body for request in way.sent} == {way.sent[0].body}
    assert outbox.deliver(way) == DeliveryCounts(0, 0, 0, is_more=False)


def test_a_receiver_that_never_accepts(outbox: Outbox) -> None:
    outbox.ended("sum")
    begun = outbox.now
    way = Way(outbox, Reply(500))
    while (due_ms := outbox.callback("sum").due_ms) and outbox.callback("sum").state == "due":
        outbox.now = due_ms
        outbox.deliver(way)
    dead = outbox.callback("sum")
    assert (dead.state, dead.attempt) == ("failed", MAX_ATTEMPTS)
    assert dead.error == "answered 500; that was the last of 16 attempts"
    assert len(way.sent) == MAX_ATTEMPTS
    assert 15 <= (outbox.now - begun) / 3_600_000 <= 29


def test_what_is_sent_can_be_verified(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox.ended("sum")
    way = Way(outbox)
    outbox.deliver(way)
    (sent,) = way.sent
    monkeypatch.setattr("time.time", lambda: outbox.now / 1_000)
    message = verified(SECRET, sent.headers, sent.body.encode())
    assert (message["activation_id"], message["result"]) == ("sum", 4)
    outbox.signer = Signer()
    outbox.ended("other")
    outbox.deliver(way)
    assert "webhook-signature" not in way.sent[-1].headers


def test_where_it_may_go_is_looked_at_again(outbox: Outbox) -> None:
    outbox.ended("a", "b")
    outbox.submit_with_callback("c", "https://HOOKS.example:443/c#d")
    outbox.cancel("c")
    way = Way(outbox)
    outbox.egress = Egress.of("other.example")
    assert outbox.deliver(way) == DeliveryCounts(0, 0, 3, is_more=False)
    dead = outbox.callback("a")
    assert (dead.state, dead.status, way.sent) == ("failed", None, [])
    assert dead.error == "requests to https://hooks.example are not allowed here"
    outbox.egress = Egress.of("hooks.example")
    outbox.submit_with_callback("d", "https://HOOKS.example:443/c#d")
    outbox.cancel("d")
    outbox.deliver(way)
    assert [request.url for request in way.sent] == ["https://hooks.example/c"]  # as checked


def test_some_at_a_time_until_none_is_left_or_the_time_is_over(outbox: Outbox) -> None:
    number = 2 * AT_ONCE + 1
    outbox.ended(*map(str, range(number)))
    way = Way(outbox)
    way.takes_ms = 10_000
    assert outbox.deliver(way, until_ms=outbox.now) == DeliveryCounts(0, 0, 0, is_more=True)
    assert outbox.deliver(way, until_ms=outbox.now + 1) == DeliveryCounts(
        AT_ONCE, 0, 0, is_more=True
    )
    assert outbox.deliver(way) == DeliveryCounts(AT_ONCE + 1, 0, 0, is_more=False)
    told = [json.loads(request.body)["activation_id"] for request in way.sent]
    assert told == list(map(str, range(number)))


def test_the_loop_is_bounded(outbox: Outbox) -> None:
    number = AT_ONCE * MAX_BATCHES
    for id in range(number + 1):
        outbox.submit_with_callback(str(id), error="x")
    assert outbox.deliver(Way(outbox)) == DeliveryCounts(number, 0, 0, is_more=True)


def test_whoever_ends_after_sending_has_it_sent_again_with_the_same_id(outbox: Outbox) -> None:
    outbox.ended("sum")
    way = Way(outbox)

    async def crash(*_: object) -> None:
        raise DatabaseUnavailable

    settle = outbox.callbacks.settle
    outbox.callbacks.settle = crash  # type: ignore[method-assign]
    with pytest.raises(DatabaseUnavailable):
        outbox.deliver(way)
    outbox.callbacks.settle = settle  # type: ignore[method-assign]
    assert outbox.callback("sum").state == "leased"
    outbox.now += LEASE_MS - 1
    assert outbox.deliver(way).delivered == 0
    outbox.now += 1
    assert outbox.deliver(way).delivered == 0  # it waits as if it had failed
    outbox.now += 10_000
    assert outbox.deliver(way).delivered == 1
    assert len(way.sent) == 2
    first, second = (request.headers for request in way.sent)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


def test_a_job_that_is_forgotten_while_its_callback_is_sent(outbox: Outbox) -> None:
    outbox.ended("sum")
    (due,) = outbox.take()
    assert outbox.forget(outbox.now + 1) == 1
    assert asyncio.run(outbox.callbacks.of(key("sum"))) is None
    outbox.submit_with_callback("sum", f"{URL}/new")
    assert due.url == URL
    assert outbox.callback("sum").state == "pending"
