"""Registered workers and the queue on one database, at `now`."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

from agent.queue.job import Invalid, JobKey, Returned, Submission
from agent.queue.jobs import Jobs
from agent.workers.worker import Loads, Worker, WorkerDetails, WorkerKey, WorkerState
from agent.workers.workers import Workers
from tests.agent.queue.sqlite import memory
from tests.support.running import run

T = TypeVar("T")
SKILL = "resize"
LEASE_MS = 600_000  # longer than a worker may be silent


class Place:
    """Workers of the key `key` and jobs of `tenant`."""

    def __init__(self) -> None:
        self.db = memory()
        self.jobs, self.workers = Jobs(self.db), Workers(self.db)
        self.now = 1_790_000_000_000
        self._tickets = count(1)

    def register(
        self, id: str, *skills: str, key: str = "key", metadata: dict[str, Any] | None = None
    ) -> Worker:
        told = WorkerDetails(skills or (SKILL,), "eu", metadata or {})
        found = self.do(self.workers.register(WorkerKey(key, id), told, self.now))
        assert isinstance(found, Worker), found
        return found

    def beat(self, id: str, key: str = "key", **told: Any) -> Worker | None:
        return self.do(self.workers.heartbeat(WorkerKey(key, id), self.now, WorkerDetails(**told)))

    def listed(
        self, state: WorkerState | None = None, tenant: str | None = "key", **more: Any
    ) -> list[Worker]:
        return self.do(self.workers.listed(tenant, 100, self.now, state=state, **more))

    def submit(self, id: str, skill: str = SKILL, tenant: str = "tenant", **more: Any) -> None:
        self.do(self.jobs.submit(Submission(JobKey(tenant, id), skill, "{}", **more), self.now))

    def poll(
        self,
        id: str,
        limit: int = 1,
        key: str = "key",
        skill: str = SKILL,
        lease_ms: int = LEASE_MS,
    ) -> list[str]:
        """As `/poll` does it: whoever is registered is heard, and keeps what it gets."""
        asked = (id, [skill], limit, lease_ms, self.now, f"poll-{next(self._tickets)}")
        found = self.do(self.jobs.lease(*asked, key=key))
        assert not isinstance(found, Invalid), found
        return [job.key.id for job in found]

    def hand_over(self, id: str, worker: str, to: str) -> None:
        asked = self.jobs.hand_over(JobKey("tenant", id), worker, 1, to, LEASE_MS, self.now)
        self.do(asked)

    def claim(self, id: str, worker: str, attempt: int) -> bool:
        """`attempt`: the last one before."""
        key = JobKey("tenant", id)
        found = self.do(self.jobs.claim(key, attempt, worker, LEASE_MS, self.now))
        assert not isinstance(found, Invalid)
        return found.is_done

    def fail(self, id: str, worker: str, attempt: int = 1) -> None:
        key = JobKey("tenant", id)
        self.do(self.jobs.fail(key, worker, attempt, "no luck", self.now, True, 0.0))

    def complete(self, id: str, worker: str, attempt: int = 1) -> bool:
        key = JobKey("tenant", id)
        found = self.do(self.jobs.complete(key, worker, attempt, "4", self.now))
        assert not isinstance(found, Invalid)
        return found.is_done

    def return_lost(self) -> Returned:
        return self.do(self.jobs.return_lost(self.now))

    def mark_lost(self) -> list[str]:
        return [key.id for key in self.do(self.workers.mark_lost(self.now))]

    def loads(self, *skills: str, tenant: str | None = None) -> Loads:
        return self.do(self.workers.loads(tenant, skills, self.now))

    def error(self, id: str) -> str | None:
        job = self.do(self.jobs.get(JobKey("tenant", id)))
        assert job
        return job.error

    def do(self, asked: Coroutine[Any, Any, T]) -> T:
        return run(asked)
