"""Many who send at once, of which some die, over a database that fails before or after a
statement: every ended job's outcome arrives, nobody's before its end, and each attempt is one
sender's."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.callbacks.callback import Due, OutboxDepth, Verdict
from agent.callbacks.callbacks import Callbacks
from agent.callbacks.delivery import LEASE_MS, deliver_due
from agent.callbacks.message import CallbackRequest
from agent.callbacks.verdict import Reply
from agent.queue.database import DatabaseUnavailable
from tests.agent.callbacks.making import Outbox, Way
from tests.agent.queue.sqlite import failing
from tests.support.examples import examples

JOBS, SENDERS = 60, 6


class Died(Exception):
    """A sender is no more."""


class Flaky(Way):
    """A receiver that fails at random, and a sender that dies at random, after sending."""

    def __init__(self, outbox: Outbox, number: int, arrived: Counter[str]) -> None:
        super().__init__(outbox)
        self.draw = Random(number).random
        self.arrived = arrived

    async def send(self, requests: Sequence[CallbackRequest]) -> list[Reply]:
        await super().send(requests)
        answers = [Reply(503 if self.draw() < 0.2 else 200) for _ in requests]
        pairs = zip(requests, answers, strict=True)
        self.arrived.update(each.headers["webhook-id"] for each, told in pairs if told.status < 300)
        if self.draw() < 0.2:
            raise Died
        return answers


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_crowd_over_a_database_that_fails(share: float) -> None:
    outbox, arrived = Outbox(), Counter[str]()
    for id in range(JOBS):
        outbox.submit_with_callback(str(id), error="x")
    outbox.callbacks = Callbacks(failing(outbox.db, Random(7).random, share))  # type: ignore[arg-type]
    ways = [Flaky(outbox, number, arrived) for number in range(SENDERS)]

    async def send(way: Flaky) -> None:
        for _ in range(400):
            outbox.now += 2_000
            try:
                await deliver_due(outbox.callbacks, way, outbox.egress, outbox.signer, 10**15)
            except (Died, DatabaseUnavailable):
                outbox.now += LEASE_MS
            if len(arrived) == JOBS and not any((await depth())[:3]):
                return

    async def depth() -> OutboxDepth:
        return await Callbacks(outbox.db).depth(outbox.now)

    async def all_of_them() -> None:
        await asyncio.gather(*map(send, ways))

    asyncio.run(all_of_them())
    told = [outbox.callback(str(id)) for id in range(JOBS)]
    assert {each.state for each in told} == {"delivered"}
    assert len(arrived) == JOBS
    sent = [json.loads(request.body)["activation_id"] for way in ways for request in way.sent]
    assert max(each.attempt for each in told) > 1
    assert all(sent.count(each.key.id) <= each.attempt for each in told)


class World:
    """One job after the other, and three senders that act in any order, on whatever they
    believe to hold, beside a model: what has ended, and what the receiver has accepted."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.number = 0
        self.held: list[Due] = []
        self.attempts: set[tuple[str, int]] = set()
        self.ended: set[str] = set()

    def submit(self) -> None:
        self.outbox.submit_with_callback(str(self.number))
        self.number += 1

    def end(self, which: int, how: str) -> None:
        id = str(which % max(1, self.number))
        if self.number and id not in self.ended:
            if how == "cancel":
                self.outbox.cancel(id)
            else:
                self.outbox.db.connection.execute(  # type: ignore[attr-defined]
                    "UPDATE jobs SET state = 'failed', ended_ms = ?1 WHERE id = ?2",
                    (self.outbox.now, id),
                )
            self.ended.add(id)

    def take(self, limit: int) -> None:
        found = self.outbox.take(limit, f"t-{len(self.attempts)}-{self.outbox.now}")
        for due in found:
            held = (due.key.id, due.attempt)
            assert due.key.id in self.ended
            assert held not in self.attempts  # nobody else has had this attempt
            self.attempts.add(held)
        self.held += found

    def settle(self, which: int, state: Any) -> None:
        if not self.held:
            return
        due = self.held[which % len(self.held)]
        before = self.outbox.callback(due.key.id)
        due_ms = self.outbox.now + 1_000 if state == "due" else None
        self.outbox.settle(due, Verdict(state, 200, None, due_ms))
        after = self.outbox.callback(due.key.id)
        if (before.state, before.attempt) == ("leased", due.attempt):
            assert after.state == state
        else:
            assert after == before

    def look(self) -> None:
        for id in map(str, range(self.number)):
            pending = self.outbox.callback(id).state == "pending"
            assert pending == (id not in self.ended)

    def finish(self) -> None:
        """Whatever has ended can still be delivered or is dead."""
        for _ in range(40):
            self.outbox.now += 30_000_000
            for due in self.outbox.take(99, f"last-{self.outbox.now}"):
                self.outbox.settle(due, Verdict("delivered", 200))
        for id in self.ended:
            assert self.outbox.callback(id).state in ("delivered", "failed")


STEPS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.one_of(
    st.tuples(st.just("submit"), st.just(())),
    st.tuples(st.just("end"), st.tuples(st.integers(0, 9), st.sampled_from(["cancel", "fail"]))),
    st.tuples(st.just("take"), st.tuples(st.integers(1, 3))),
    st.tuples(
        st.just("settle"),
        st.tuples(st.integers(0, 9), st.sampled_from(["due", "delivered", "failed"])),
    ),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from([0, 1_000, LEASE_MS, 10**7]))),
)


@examples(25)
@given(st.lists(STEPS, min_size=15, max_size=30))
def test_whatever_ended_is_told_and_nothing_else(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    world = World()
    for verb, values in steps:
        if verb == "wait":
            world.outbox.now += values[0]
        else:
            getattr(world, verb)(*values)
        world.look()
    world.finish()
