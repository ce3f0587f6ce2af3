"""Many pollers at once: threads with a connection each, pollers that die, a database that fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random

import pytest

from agent.queue.database import Database, DatabaseUnavailable
from agent.queue.job import Invalid, Job, JobChange, Submitted
from agent.queue.jobs import Jobs
from tests.agent.queue.making import LEASE_MS, SKILL, submission
from tests.agent.queue.sqlite import Sqlite, connect, failing, memory, migrate

JOBS = 500
POLLERS = 20
ENOUGH_POLLS = 5_000
ENDED = ("completed", "failed")


class Clock:
    """Moves a little with each look, so that leases run out while others are at work."""

    def __init__(self, step_ms: int) -> None:
        self.now = 1_790_000_000_000
        self.step_ms = step_ms

    def look(self) -> int:
        self.now += self.step_ms
        return self.now


class Poller:
    """Polls until nothing is left. `dies` says how often it forgets what it holds; what it did
    complete it notes, by what it was told."""

    def __init__(self, name: str, db: Database, clock: Clock, dies: float = 0.0) -> None:
        self.name = name
        self.jobs = Jobs(db)
        self.clock = clock
        self.random = Random(name)
        self.dies = dies
        self.completed: list[str] = []
        self.taken: list[tuple[str, int]] = []

    async def run(self) -> None:
        for poll in count():
            assert poll < ENOUGH_POLLS
            try:
                if not await self.turn(f"{self.name}-{poll}"):
                    return
            except DatabaseUnavailable:
                continue  # as if it had died

    async def turn(self, ticket: str) -> bool:
        """One poll, and its jobs; False if all is done."""
        found = await self.jobs.lease(self.name, [SKILL], 5, LEASE_MS, self.clock.look(), ticket)
        assert not isinstance(found, Invalid)
        self.taken += [(job.key.id, job.attempt) for job in found]
        for job in found:
            if self.random.random() >= self.dies:
                await self.end(job)
        if found:
            return True
        depths = await self.jobs.depth(self.clock.look())
        return any(each.waiting + each.delayed + each.leased + each.blocked for each in depths)

    async def end(self, job: Job) -> None:
        now, held = self.clock.look(), (job.key, self.name, job.attempt)
        if self.random.random() < 0.05:
            await self.jobs.fail(*held, "no luck", now, True, self.random.random())
            return
        told = await self.jobs.complete(*held, f'"{self.name}"', now)
        assert isinstance(told, JobChange)
        if told.is_done:
            self.completed.append(job.key.id)


async def fill(db: Database, clock: Clock) -> None:
    jobs = Jobs(db)
    for number in range(JOBS):
        await jobs.submit(
            submission(f"job-{number}", priority=number % 10, max_attempts=20), clock.now
        )


def check(db: Sqlite, pollers: Sequence[Poller]) -> None:
    """No attempt went to two pollers, no job was completed twice, and all have ended; the
    database names who completed one, and has that one's result."""
    taken = Counter(each for poller in pollers for each in poller.taken)
    assert set(taken.values()) == {1}
    done = Counter(id for poller in pollers for id in poller.completed)
    assert set(done.values()) == {1}
    rows = db.connection.execute("SELECT id, state, worker, result FROM jobs").fetchall()
    assert len(rows) == JOBS
    assert {state for _, state, _, _ in rows} <= set(ENDED)
    completed = {id: worker for id, state, worker, _ in rows if state == "completed"}
    told = {id: poller.name for poller in pollers for id in poller.completed}
    assert told.items() <= completed.items()
    assert all(result == f'"{worker}"' for _, state, worker, result in rows if state == ENDED[0])


def completed(pollers: Sequence[Poller]) -> int:
    return sum(len(poller.completed) for poller in pollers)


@pytest.mark.slow
def test_pollers_in_threads(tmp_path: Path) -> None:
    """Connections of their own to one file: SQLite alone keeps them apart."""
    file = tmp_path / "jobs.db"
    db = Sqlite(connect(file))
    migrate(db.connection)
    db.connection.execute("PRAGMA journal_mode = WAL")
    clock = Clock(20)
    asyncio.run(fill(db, clock))

    def poll(number: int) -> Poller:
        poller = Poller(f"poller-{number}", Sqlite(connect(file)), clock)
        asyncio.run(poller.run())
        return poller

    with ThreadPoolExecutor(POLLERS) as pool:
        pollers = list(pool.map(poll, range(POLLERS)))
    check(db, pollers)
    assert completed(pollers) == JOBS


@pytest.mark.parametrize("dies", [0.0, 0.3])
def test_pollers_as_tasks_of_which_some_die(dies: float) -> None:
    db, clock = memory(), Clock(100)
    pollers = [Poller(f"poller-{number}", db, clock, dies) for number in range(POLLERS)]

    async def all_of_them() -> None:
        await fill(db, clock)
        await asyncio.gather(*(poller.run() for poller in pollers))

    asyncio.run(all_of_them())
    check(db, pollers)
    assert completed(pollers) == JOBS


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_database_that_fails_before_or_after(share: float) -> None:
    """One statement in five, and so many that the adapter gives up now and then. Who is not
    told that it completed may have; nothing is completed twice, and nothing is left."""
    db, clock = memory(), Clock(100)
    d1 = failing(db, Random(7).random, share)
    pollers = [Poller(f"poller-{number}", d1, clock) for number in range(POLLERS)]

    async def all_of_them() -> None:
        await fill(db, clock)
        await asyncio.gather(*(poller.run() for poller in pollers))

    asyncio.run(all_of_them())
    check(db, pollers)
    if share == 0.2:
        assert completed(pollers) == JOBS


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_chains_of_several_tenants_are_done_in_order(share: float) -> None:
    """Some pollers die, and the database fails before or after a statement: nothing is begun
    before what it depends on has completed, and nothing is left."""
    db, clock = memory(), Clock(50)
    used = failing(db, Random(3).random, share) if share else db
    pollers = [Poller(f"poller-{number}", used, clock, 0.1) for number in range(8)]

    async def fill_chains() -> None:
        for number in range(150):
            chain, place = divmod(number, 5)
            needs = (f"job-{number - 1}",) if place else ()
            more = {"tenant": f"tenant-{chain % 3}", "max_attempts": 20, "depends_on": needs}
            asked = submission(f"job-{number}", **more)
            for _ in range(2):  # as if the first answer had been lost
                assert isinstance(await Jobs(used).submit(asked, clock.look()), Submitted)

    async def all_of_them() -> None:
        await fill_chains()
        await asyncio.gather(*(poller.run() for poller in pollers))

    asyncio.run(all_of_them())
    taken = Counter(each for poller in pollers for each in poller.taken)
    assert set(taken.values()) == {1}
    rows = db.connection.execute("SELECT id, state, ended_ms FROM jobs ORDER BY number").fetchall()
    ended = {id: (state, at_ms) for id, state, at_ms in rows}
    for number in range(150):
        state, at_ms = ended[f"job-{number}"]
        assert state == "completed"
        if number % 5:
            assert at_ms > ended[f"job-{number - 1}"][1]
    for table in ("lanes", "tenants"):
        left = db.connection.execute(f"SELECT * FROM {table}").fetchall()
        assert [row for row in left if any(row[1:])] == []
