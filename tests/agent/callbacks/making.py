"""Short ways to say what happens to callbacks, beside the queue of `tests/agent/queue`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

from agent.callbacks.callback import Callback, Due, JobEnd, Verdict
from agent.callbacks.callbacks import Callbacks, registration
from agent.callbacks.delivery import LEASE_MS, DeliveryCounts, deliver_due
from agent.callbacks.message import CallbackRequest
from agent.callbacks.signing import Signer
from agent.callbacks.verdict import Reply
from agent.core.web.egress import Egress
from agent.queue.database import Database
from agent.queue.job import JobKey, Submitted
from tests.agent.queue.making import TENANT, Queue, key, submission
from tests.support.running import run

URL = "https://hooks.example/done"
SECRET = "whsec_" + "c2VjcmV0" * 4
RESULT = '{"result": 4}'
FINE = Reply(200)
FOREVER = 10**15


class Way:
    """A receiver that gives these answers, one after the other, the last for ever."""

    def __init__(self, queue: Queue, *answers: Reply) -> None:
        self.queue = queue
        self.answers = list(answers) or [FINE]
        self.sent: list[CallbackRequest] = []
        self.takes_ms = 0
        self._random = Random(1)
        self._tickets = count()

    async def send(self, requests: Sequence[CallbackRequest]) -> list[Reply]:
        await asyncio.sleep(0)
        self.queue.now += self.takes_ms
        self.sent += requests
        return [self._next() for _ in requests]

    def _next(self) -> Reply:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def now_ms(self) -> int:
        return self.queue.now

    def rng(self) -> float:
        return self._random.random()

    def ticket(self) -> str:
        return f"{id(self)}-{next(self._tickets)}"


class Outbox(Queue):
    """The queue with its callbacks. Jobs that are submitted have one."""

    def __init__(self, db: Database | None = None) -> None:
        super().__init__(db)
        self.callbacks = Callbacks(self.db)
        self.egress = Egress.of("hooks.example")
        self.signer = Signer.of(SECRET)

    def submit_with_callback(self, id: str, url: str = URL, **more: Any) -> None:
        asked = submission(id, max_attempts=2, **more)
        given = (asked, self.now, [registration(asked.key, url)])
        assert isinstance(run(self.jobs.submit(*given)), Submitted)

    def ended(self, *ids: str) -> None:
        """Jobs with callbacks, which are completed."""
        for id in ids:
            self.submit_with_callback(id)
            self.lease("ann")
            assert self.complete(id, "ann", result=RESULT).is_done

    def callback(self, id: str, tenant: str = TENANT) -> Callback:
        found = run(self.callbacks.of(key(id, tenant)))
        assert found
        return found

    def take(self, limit: int = 9, ticket: str = "t") -> list[Due]:
        return run(self.callbacks.take(limit, self.now, LEASE_MS, ticket))

    def settle(self, due: Due, verdict: Verdict) -> None:
        run(self.callbacks.settle([(due, verdict)], self.now))

    def deliver(self, way: Way, until_ms: int = FOREVER) -> DeliveryCounts:
        asked: Any = deliver_due(self.callbacks, way, self.egress, self.signer, until_ms)
        told: DeliveryCounts = run(asked)
        return told


NOW = 1_790_000_000_999


DONE = JobEnd("completed", 2, "cf-eu-1", NOW - 999, None, '{"result": {"sum": 4}}')


def due(outcome: JobEnd = DONE, attempt: int = 1, id: str = "a-1") -> Due:
    return Due(JobKey("acme", id), URL, attempt, "ticket", outcome)
