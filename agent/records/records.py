"""Reads the records of requests and jobs, and deletes old ones.

Nothing is written here. Rows of requests are written in batches (`agent/edge/d1/recording.js`),
and steps of jobs by triggers of the database.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.queue.database import Database
from agent.queue.job import JobKey
from agent.records import statements as sql
from agent.records.analytics import Analytics, Question, analyse

MAX_STEPS = 200  # 20 attempts make 42 of them
REQUESTS_AT_ONCE = 2_000
STEPS_AT_ONCE = 1_000


class Step(NamedTuple):
    """A job's state from `at_ms` on."""

    at_ms: int
    state: str
    attempt: int
    worker: str | None
    error: str | None


class Records:
    """All records of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def log(self, key: JobKey) -> list[Step]:
        """The steps of a job, the oldest first."""
        found = await self._db.run(sql.LOG, *key, MAX_STEPS)
        return [Step(**row) for row in found.rows]  # type: ignore[arg-type]

    async def analyse(self, question: Question) -> Analytics:
        return await analyse(self._db, question)

    async def forget(self, before_ms: int) -> int:
        """Deletes a batch of what was recorded before `before_ms`; call it again until it returns
        0. Returns how many rows it was (too few, if the database had to be asked twice)."""
        requests = (sql.FORGET_REQUESTS, (before_ms, REQUESTS_AT_ONCE))
        steps = (sql.FORGET_LOG, (before_ms, STEPS_AT_ONCE))
        return sum(rows.changes for rows in await self._db.batch([requests, steps]))
