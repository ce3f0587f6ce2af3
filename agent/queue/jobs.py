"""The job queue. Each operation is one round trip to the database.

Clock and randomness are passed in. Every operation may be repeated with the same values, by the
database's adapter or by the caller: it takes effect once (`statements.py` says why). A job is never
lost: when its lease expires it waits again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.queue import lease_statements as leases
from agent.queue import statements as sql
from agent.queue.backoff import Backoff
from agent.queue.database import Database, Row, Statement
from agent.queue.job import (
    Contradiction,
    Dispatch,
    Freeing,
    Full,
    Inputs,
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
from agent.queue.limits import (
    MAX_INPUTS,
    USUAL,
    Limits,
    cut_error,
    refused_lease,
    refused_poll,
    refused_result,
    refused_submission,
)
from agent.queue.rows import (
    Fence,
    answer_of,
    depths_of,
    inputs_of,
    is_same_json,
    job_of,
    state_after,
    state_of,
)
from agent.queue.submitting import outcome, submitting

# A job that failed waits from a second to five minutes, of which at least a half.
RETRIES = Backoff(base_ms=2_000, most_ms=300_000, least=0.5)
LOST_AT_ONCE = 100  # in one statement: each is written again, payload and all
FORGOTTEN_AT_ONCE = 500
LARGEST = 2**53  # later than any time


class Jobs:
    """All jobs of one database; `limits` are those of each tenant."""

    def __init__(self, db: Database, limits: Limits = USUAL) -> None:
        self._db = db
        self._limits = limits

    async def submit(
        self,
        submission: Submission,
        now_ms: int,
        more: Sequence[Statement] = (),
        then: Sequence[Statement] = (),
    ) -> Submitted | Full | Missing | Invalid:
        """Submit a job; idempotent by its key until the job is forgotten. The statements `more` run
        just before it and `then` just after it in one batch, also if the job was refused; they
        must be idempotent."""
        if refused := refused_submission(submission):
            return refused
        batch = submitting(submission, self._limits, now_ms, more, then)
        return outcome(submission, self._limits, await self._db.batch(batch))

    async def get(self, key: JobKey) -> Job | None:
        rows = (await self._db.run(sql.GET, *key)).rows
        return job_of(rows[0]) if rows else None

    async def needed(self, key: JobKey) -> list[Needed]:
        """The dependencies of a job, with their states."""
        rows = (await self._db.run(sql.NEEDED, *key)).rows
        return [Needed(str(row["id"]), state_of(row)) for row in rows]

    async def inputs(self, keys: Sequence[JobKey]) -> list[Inputs]:
        """The results of the dependencies of each of these leased jobs."""
        found = await self._db.batch([(sql.INPUTS, (*key, MAX_INPUTS)) for key in keys])
        return [inputs_of(results.rows) for results in found]

    async def lease(
        self,
        worker: str,
        capabilities: Sequence[str],
        limit: int,
        lease_ms: int,
        now_ms: int,
        ticket: str,
        tenant: str | None = None,
        dispatch: Dispatch = "poll",
        key: str | None = None,
        is_heard: bool = True,
    ) -> list[Job] | Invalid:
        """Lease jobs to `worker`, the highest priority first; within a priority tenants take turns,
        and each tenant's oldest job goes first. Only jobs of `tenant`, if one is named, and of one
        `dispatch`. `ticket` is random and new for each poll; a repeated poll with the same one
        returns the same jobs while they are leased. `key`: the worker's API key; if the worker is
        registered there, the poll is a heartbeat (`is_heard`), and heartbeats keep these leases.
        Lost leases are returned first, and jobs that no worker took in time fail, so no job waits
        for the next `return_lost`."""
        if refused := refused_poll(worker, capabilities, limit, lease_ms, ticket):
            return refused
        names = json.dumps(sorted(set(capabilities)))
        given = (worker, ticket, now_ms + lease_ms, names, now_ms, limit, dispatch)
        take, last = (leases.TAKE, self._limits.running), (leases.TAKE_OF_TENANT, tenant)
        statement, more = take if tenant is None else last
        heard = [(leases.HEARD, (key, worker, now_ms))] if key and is_heard else []
        batch = [*heard, *_overdue(now_ms), (statement, (*given, more, key))]
        *_, found = await self._db.batch([*batch, (leases.JOBS_OF, (ticket, worker, tenant))])
        return [job_of(row) for row in found.rows]

    async def complete(
        self, key: JobKey, worker: str, attempt: int, result: str, now_ms: int
    ) -> JobChange | Contradiction | Invalid:
        """End the attempt with a result, JSON as text. If the result is invalid, the job stays
        leased. The same lease may complete again with the same result."""
        if refused := refused_result(result):
            return refused
        held = (*Fence(key, worker, attempt).params, result)
        batch = [(leases.COMPLETE, (*held, now_ms)), (leases.COMPLETED, held)]
        *_, found = await self._db.batch(batch)
        row = found.rows[0] if found.rows else None
        if row and row["other"] is not None and not is_same_json(str(row["other"]), result):
            return Contradiction("completed")
        answer = answer_of(row, Fence(key, worker, attempt), ("completed",))
        return Freeing(*answer) if answer.is_done and row and row["frees"] else answer

    async def fail(
        self,
        key: JobKey,
        worker: str,
        attempt: int,
        error: str,
        now_ms: int,
        retry: bool,
        jitter: float,
    ) -> JobChange | Contradiction:
        """End the attempt. With `retry` the job waits for the next one, if it has any left; else
        it is a dead letter. `jitter` is a random number from 0 to 1. The same lease may fail
        again in the same way."""
        again_ms, stored = now_ms + RETRIES.wait_ms(attempt, jitter), cut_error(error)
        held = Fence(key, worker, attempt)
        change = (leases.FAIL, (*held.params, stored, now_ms, int(retry), again_ms))
        row = await self._changed(change, key)
        answer = answer_of(row, held, ("waiting", "failed"))
        if row is None or not answer.is_done or answer.state is None:
            return answer
        has_more = attempt < int(row["max_attempts"] or 0)
        is_same = row["error"] == stored and answer.state == state_after(retry and has_more)
        return answer if is_same else Contradiction(answer.state)

    async def extend(
        self, key: JobKey, worker: str, attempt: int, lease_ms: int, now_ms: int
    ) -> JobChange | Invalid:
        """Extend the lease to `lease_ms` from now; it is never shortened."""
        if refused := refused_lease(lease_ms):
            return refused
        held = Fence(key, worker, attempt)
        row = await self._changed((leases.EXTEND, (*held.params, now_ms + lease_ms)), key)
        return answer_of(row, held, ("leased",))

    async def hand_over(
        self, key: JobKey, worker: str, attempt: int, to: str, lease_ms: int, now_ms: int
    ) -> JobChange | Invalid:
        """Transfer the lease of `worker` to another holder, for at least `lease_ms`. Of several
        callers one gets it."""
        if refused := refused_lease(lease_ms):
            return refused
        row = await self._changed(
            (leases.HAND_OVER, (*Fence(key, worker, attempt).params, to, now_ms + lease_ms)), key
        )
        is_theirs = row is not None and (row["worker"], row["attempt"]) == (to, attempt)
        return JobChange(is_theirs and state_of(row) == "leased", state_of(row))

    async def claim(
        self, key: JobKey, attempt: int, worker: str, lease_ms: int, now_ms: int
    ) -> JobChange | Invalid:
        """Lease this job, if it may be leased now; `attempt` is its last one. `worker` is a unique
        name, so only one of several callers gets the job."""
        if refused := refused_lease(lease_ms):
            return refused
        given = (*key, attempt, worker, now_ms + lease_ms, now_ms)
        row = await self._changed((leases.CLAIM, given), key)
        is_theirs = row is not None and (row["worker"], row["attempt"]) == (worker, attempt + 1)
        return JobChange(is_theirs and state_of(row) == "leased", state_of(row))

    async def revive(self, key: JobKey, attempt: int, attempts: int, now_ms: int) -> JobChange:
        """Make a dead letter wait again, for so many more attempts and for its dependencies; not
        done if a dependency has failed. `attempt` is the one that failed."""
        row = await self._changed((sql.REVIVE, (*key, attempt, now_ms, attempts)), key)
        return JobChange(state_of(row) not in (None, "failed", "cancelled"), state_of(row))

    async def listed(
        self, tenant: str, state: JobState, limit: int, before_ms: int = LARGEST
    ) -> list[Job]:
        """A tenant's jobs, the newest first, without payload and result; if a time is given, those
        submitted before it."""
        found = await self._db.run(sql.LIST, tenant, state, before_ms, 0, limit)
        return [job_of(row) for row in found.rows]

    async def cancel(self, key: JobKey, now_ms: int) -> JobChange:
        """Cancel a job. A worker that is running it can no longer complete it."""
        row = await self._changed((sql.CANCEL, (*key, now_ms)), key)
        state = state_of(row)
        return JobChange(state == "cancelled", state)

    async def return_lost(self, now_ms: int) -> Returned:
        """Return expired leases and those of silent workers, and fail jobs that no worker took in
        time, at most `LOST_AT_ONCE` of each; call it again until nothing is left."""
        keys: dict[str, list[JobKey]] = {"waiting": [], "failed": []}
        for found in await self._db.batch(_overdue(now_ms)):
            for row in found.rows:
                keys[str(row["state"])].append(JobKey(str(row["tenant"]), str(row["id"])))
        return Returned(keys["waiting"], keys["failed"])

    async def depth(self, now_ms: int) -> list[QueueDepth]:
        """The number of jobs that have not completed, by capability. It reads only these jobs."""
        return depths_of(await self._db.run(sql.DEPTH, now_ms), now_ms)

    async def forget(self, before_ms: int) -> int:
        """Delete jobs that ended before that time, at most `FORGOTTEN_AT_ONCE`; call it again until
        it returns 0. Returns how many (too few, if the statement was repeated): `changes` would
        count what triggers delete as well."""
        return len((await self._db.run(sql.FORGET, before_ms, FORGOTTEN_AT_ONCE)).rows)

    async def _changed(self, change: Statement, key: JobKey) -> Row | None:
        _, found = await self._db.batch([change, (sql.OUTCOME_OF, key)])
        return found.rows[0] if found.rows else None


def _overdue(now_ms: int) -> list[Statement]:
    return [(leases.LOST, (now_ms, LOST_AT_ONCE)), (sql.EXPIRE, (now_ms, LOST_AT_ONCE))]
