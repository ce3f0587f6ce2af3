"""The outbox of callbacks. Each operation is one round trip to the database.

A callback is registered with its job in one transaction, and due with the job's end in one: it
cannot be lost in between. It is sent at least once: a sender may end before it has stored the
result. `statements.py` says why everything may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.callbacks import statements as sql
from agent.callbacks.callback import (
    MAX_ATTEMPTS,
    MAX_URL,
    Callback,
    Due,
    JobEnd,
    OutboxDepth,
    Verdict,
)
from agent.callbacks.verdict import FIRST_WAIT_MS, LONGEST_WAIT_MS
from agent.core.web.egress import Egress
from agent.queue.database import Database, Row, Statement
from agent.queue.job import Invalid, JobKey

LOST_AT_ONCE = 100
_URL = re.compile(r"[!-~]+")


def refused_url(url: str, egress: Egress) -> Invalid | None:
    """Why no callback can be registered for `url`. Returns None if one can."""
    if len(url) > MAX_URL:
        return Invalid("callback_url", f"has {len(url):,} characters, at most {MAX_URL:,} may be")
    if not _URL.fullmatch(url):
        return Invalid("callback_url", "must be printable ASCII without spaces: percent-encode it")
    why = egress.refused(url)
    return None if why is None else Invalid("callback_url", why)


def registration(key: JobKey, url: str) -> Statement:
    """The statement before the job's SUBMIT in the same batch: a job that was submitted before
    keeps its callback, or has none."""
    return sql.REGISTER, (*key, url)


def withdrawal(key: JobKey) -> Statement:
    """The statement after the job's SUBMIT in the same batch: a job that was refused has no
    callback."""
    return sql.WITHDRAW, key


class Callbacks:
    """All callbacks of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def take(self, limit: int, now_ms: int, lease_ms: int, ticket: str) -> list[Due]:
        """Lease the callbacks that are due, the oldest first, for `lease_ms`. `ticket` is random
        and new for each call; a repeated call with the same one returns the same callbacks. Expired
        leases are returned first."""
        given = (ticket, now_ms + lease_ms, now_ms, limit)
        batch = [_lost(now_ms), (sql.TAKE, given), (sql.TAKEN, (ticket,))]
        *_, found = await self._db.batch(batch)
        return [_due(row) for row in found.rows]

    async def settle(self, verdicts: Iterable[tuple[Due, Verdict]], now_ms: int) -> None:
        """Store the results of attempts. Results under a lease that was lost are ignored."""
        if batch := [_settled(due, verdict, now_ms) for due, verdict in verdicts]:
            await self._db.batch(batch)

    async def of(self, key: JobKey) -> Callback | None:
        rows = (await self._db.run(sql.OF, *key)).rows
        return _callback(rows[0]) if rows else None

    async def depth(self, now_ms: int) -> OutboxDepth:
        """It reads the callbacks that are due, leased or dead."""
        rows = (await self._db.run(sql.DEPTH, now_ms)).rows
        since = next(row["since_ms"] for row in rows if row["kind"] == "due")
        numbers = {str(row["kind"]): int(row["number"] or 0) for row in rows}
        return OutboxDepth(**numbers, oldest_ms=0 if since is None else max(0, now_ms - int(since)))


def _lost(now_ms: int) -> Statement:
    return sql.LOST, (now_ms, MAX_ATTEMPTS, FIRST_WAIT_MS, LONGEST_WAIT_MS, LOST_AT_ONCE)


def _settled(due: Due, verdict: Verdict, now_ms: int) -> Statement:
    ended_ms = None if verdict.state == "due" else now_ms
    held = (*due.key, due.ticket, due.attempt)
    return sql.SETTLE, (
        *held,
        verdict.state,
        verdict.status,
        verdict.error,
        verdict.due_ms,
        ended_ms,
    )


def _key(row: Row) -> JobKey:
    return JobKey(str(row.pop("tenant")), str(row.pop("id")))


def _callback(row: Row) -> Callback:
    return Callback(_key(row), **row)  # type: ignore[arg-type]


def _due(row: Row) -> Due:
    key, attempt = _key(row), row.pop("attempt")
    url, ticket = str(row.pop("url")), str(row.pop("ticket"))
    outcome = JobEnd(attempt=row.pop("job_attempt"), **row)  # type: ignore[arg-type]
    return Due(key, url, int(attempt or 0), ticket, outcome)
