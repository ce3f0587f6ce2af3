"""Short ways to say what happens to jobs, one after the other."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from itertools import count
from typing import Any, TypeVar

from agent.queue.database import Database
from agent.queue.job import (
    Contradiction,
    Dispatch,
    Full,
    Invalid,
    Job,
    JobChange,
    JobKey,
    JobState,
    Missing,
    Needed,
    QueueDepth,
    Returned,
    Submission,
    Submitted,
)
from agent.queue.jobs import Jobs
from agent.queue.limits import USUAL, Limits
from tests.agent.queue.sqlite import memory
from tests.support.running import run

T = TypeVar("T")
TENANT = "tenant"
SKILL = "python-execution"
LEASE_MS = 30_000


def key(id: str, tenant: str = TENANT) -> JobKey:
    return JobKey(tenant, id)


def submission(
    id: str, capability: str = SKILL, payload: str = "{}", tenant: str = TENANT, **more: Any
) -> Submission:
    return Submission(key(id, tenant), capability, payload, **more)


class Queue:
    """The queue at `now`, which moves only when it is set. Jobs are named by their ids."""

    def __init__(self, db: Database | None = None, limits: Limits = USUAL) -> None:
        self.db = db or memory()
        self.jobs = Jobs(self.db, limits)
        self.now = 1_790_000_000_000
        self._tickets = count(1)

    def submit(self, id: str, **more: Any) -> Submitted:
        found = self.try_submit(id, **more)
        assert isinstance(found, Submitted), found
        return found

    def try_submit(self, id: str, **more: Any) -> Submitted | Full | Missing | Invalid:
        return self._do(self.jobs.submit(submission(id, **more), self.now))

    def get(self, id: str, tenant: str = TENANT) -> Job:
        found = self._do(self.jobs.get(key(id, tenant)))
        assert found
        return found

    def state(self, id: str) -> str:
        return self.get(id).state

    def lease(
        self,
        worker: str,
        limit: int = 1,
        skills: Sequence[str] = (SKILL,),
        ticket: str | None = None,
        tenant: str | None = None,
        dispatch: Dispatch = "poll",
    ) -> list[str]:
        ticket = ticket or f"poll-{next(self._tickets)}"
        given = (worker, skills, limit, LEASE_MS, self.now, ticket, tenant, dispatch)
        asked = self.jobs.lease(*given)
        found = self._do(asked)
        assert not isinstance(found, Invalid), found
        return [job.key.id for job in found]

    def complete(self, id: str, worker: str, attempt: int = 1, result: str = "4") -> JobChange:
        found = self.try_complete(id, worker, attempt, result)
        assert isinstance(found, JobChange), found
        return found

    def try_complete(
        self, id: str, worker: str, attempt: int = 1, result: str = "4", tenant: str = TENANT
    ) -> JobChange | Contradiction | Invalid:
        asked = self.jobs.complete(key(id, tenant), worker, attempt, result, self.now)
        return self._do(asked)

    def fail(
        self, id: str, worker: str, attempt: int = 1, retry: bool = True, jitter: float = 0
    ) -> JobChange:
        found = self.try_fail(id, worker, attempt, retry, jitter)
        assert isinstance(found, JobChange), found
        return found

    def try_fail(
        self,
        id: str,
        worker: str,
        attempt: int = 1,
        retry: bool = True,
        jitter: float = 0,
        error: str = "no luck",
    ) -> JobChange | Contradiction:
        asked = self.jobs.fail(key(id), worker, attempt, error, self.now, retry, jitter)
        return self._do(asked)

    def extend(self, id: str, worker: str, attempt: int = 1, lease_ms: int = LEASE_MS) -> JobChange:
        found = self._do(self.jobs.extend(key(id), worker, attempt, lease_ms, self.now))
        assert isinstance(found, JobChange), found
        return found

    def claim(self, id: str, worker: str, attempt: int = 0) -> JobChange:
        """`attempt`: the last one before."""
        asked = self.jobs.claim(key(id), attempt, worker, LEASE_MS, self.now)
        found = self._do(asked)
        assert isinstance(found, JobChange), found
        return found

    def hand_over(self, id: str, worker: str, to: str, attempt: int = 1) -> JobChange:
        asked = self.jobs.hand_over(key(id), worker, attempt, to, LEASE_MS, self.now)
        found = self._do(asked)
        assert isinstance(found, JobChange), found
        return found

    def revive(self, id: str, attempt: int) -> JobChange:
        return self._do(self.jobs.revive(key(id), attempt, 2, self.now))

    def listed(self, state: JobState, limit: int, **more: Any) -> list[str]:
        return [job.key.id for job in self._do(self.jobs.listed(TENANT, state, limit, **more))]

    def needed(self, id: str) -> list[Needed]:
        return self._do(self.jobs.needed(key(id)))

    def inputs(self, id: str) -> dict[str, str] | None:
        (found,) = self._do(self.jobs.inputs([key(id)]))
        return found.results

    def cancel(self, id: str, tenant: str = TENANT) -> JobChange:
        return self._do(self.jobs.cancel(key(id, tenant), self.now))

    def return_lost(self) -> Returned:
        return self._do(self.jobs.return_lost(self.now))

    def depth(self) -> list[QueueDepth]:
        return self._do(self.jobs.depth(self.now))

    def forget(self, before_ms: int) -> int:
        return self._do(self.jobs.forget(before_ms))

    def _do(self, asked: Coroutine[Any, Any, T]) -> T:
        return run(asked)
