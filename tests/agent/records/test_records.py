"""Records on SQLite: what is written of requests, what jobs leave behind, what is forgotten."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.identity import Identity
from agent.queue.job import JobKey, Submission
from agent.queue.jobs import Jobs
from agent.records import statements as sql
from agent.records.records import Records
from agent.records.request import BLOBS, DOUBLES, MAX_TENANT, Facts, RequestRecord, data_point
from tests.agent.queue.sqlite import MIGRATIONS, Sqlite, memory
from tests.support.examples import examples

WHO = Identity("cf-eu-00000001", "production-eu", "eu", 0)
KEY = JobKey("tenant", "sum")
NOW = 1_790_000_000_000
SHARED = memory()


def point(at_ms: float = NOW, **more: Any) -> str:
    values = {"endpoint": "/execute", "method": "POST", "status": 200, "took_ms": 1.5, **more}
    return data_point(RequestRecord(at_ms, tenant="ann", **values), WHO)


def write(db: Sqlite, points: list[str], written_ms: int = NOW, batch: str = "a") -> int:
    return asyncio.run(db.run(sql.WRITE, f"[{','.join(points)}]", written_ms, batch)).changes


def rows(db: Sqlite) -> list[dict[str, Any]]:
    return asyncio.run(db.run("SELECT * FROM requests ORDER BY written_ms, batch, number")).rows


def test_a_batch_is_written_once_however_often_it_is_repeated() -> None:
    db, facts = memory(), Facts("text-processing", "completed", "MISS")
    points = [point(facts=facts), point(NOW + 1, endpoint="", method="GET", status=404)]
    assert [write(db, points), write(db, points), write(db, points, batch="b")] == [2, 0, 2]
    first, second, *_ = rows(db)
    assert first == {
        "written_ms": NOW,
        "batch": "a",
        "number": 0,
        "at_ms": NOW,
        "endpoint": "/execute",
        "method": "POST",
        "status": 200,
        "took_ms": 1.5,
        "capability": "text-processing",
        "outcome": "completed",
        "cache": "MISS",
        "variant": "production-eu",
        "region": "eu",
        "worker": "cf-eu-00000001",
        "tenant": "ann",
    }
    assert (second["endpoint"], second["status"], second["outcome"]) == ("", 404, "")


def test_the_order_of_columns() -> None:
    """Data points that are there already are read by it."""
    told = json.loads(point(facts=Facts("c", "o", "k")))
    named = dict(zip(BLOBS, told["blobs"], strict=True))
    assert (named["capability"], named["outcome"], named["cache"]) == ("c", "o", "k")
    assert (named["variant"], named["region"], named["worker"]) == (WHO.variant, "eu", WHO.id)
    assert dict(zip(DOUBLES, told["doubles"], strict=True))["status"] == 200
    assert told["indexes"] == [named["tenant"]] == ["ann"]


@examples(50)
@given(st.text(max_size=300), st.text(max_size=30))
def test_whatever_a_client_says_the_point_is_small_and_can_be_written(tenant: str, m: str) -> None:
    text = data_point(RequestRecord(NOW, "/", m, 200, 0.0, tenant), WHO)
    told = json.loads(text)
    assert len(told["indexes"][0].encode()) <= MAX_TENANT
    assert len(text) < 1_500
    assert write(SHARED, [text], batch=text) == 1
    asyncio.run(SHARED.run("DELETE FROM requests"))


def states(db: Sqlite, key: JobKey = KEY) -> list[tuple[Any, ...]]:
    return [step[1:] for step in asyncio.run(Records(db).log(key))]


async def life(jobs: Jobs, key: JobKey = KEY) -> None:
    """Lost once, failed once, completed at last; each said twice."""
    for _ in range(2):
        await jobs.submit(Submission(key, "skill", "{}", max_attempts=5), NOW)
    for _ in range(2):
        await jobs.lease("ann", ["skill"], 1, 1_000, NOW, "t1")
    await jobs.return_lost(NOW + 2_000)
    await jobs.lease("bob", ["skill"], 1, 1_000, NOW + 2_000, "t2")
    for _ in range(2):
        await jobs.extend(key, "bob", 2, 2_000, NOW + 2_000)
        await jobs.fail(key, "bob", 2, "no luck", NOW + 2_000, True, 0.0)
    await jobs.lease("cid", ["skill"], 1, 1_000, NOW + 900_000, "t3")
    for _ in range(2):
        await jobs.complete(key, "cid", 3, "4", NOW + 900_000)
    await jobs.cancel(key, NOW + 900_000)


def test_a_jobs_log_has_each_step_once() -> None:
    db = memory()
    began = time.time() * 1000
    asyncio.run(life(Jobs(db)))
    assert states(db) == [
        ("waiting", 0, None, None),
        ("leased", 1, "ann", None),
        ("waiting", 1, "ann", "the lease of attempt 1 ran out"),
        ("leased", 2, "bob", None),
        ("waiting", 2, "bob", "no luck"),
        ("leased", 3, "cid", None),
        ("completed", 3, "cid", None),
    ]
    times = [step.at_ms for step in asyncio.run(Records(db).log(KEY))]
    assert began - 2 <= times[0] <= times[-1] <= time.time() * 1000 + 2


def test_a_cancelled_job_names_whoever_had_it() -> None:
    db = memory()
    jobs = Jobs(db)
    for id, is_leased in (("a", False), ("b", True)):
        key = JobKey("tenant", id)
        asyncio.run(jobs.submit(Submission(key, id, "{}"), NOW))
        if is_leased:
            asyncio.run(jobs.lease("ann", [id], 1, 1_000, NOW, id))
        asyncio.run(jobs.cancel(key, NOW))
    assert states(db, JobKey("tenant", "a"))[-1] == ("cancelled", 0, None, None)
    assert states(db, JobKey("tenant", "b"))[-1] == ("cancelled", 1, "ann", None)
    assert states(db, JobKey("somebody else", "b")) == []


def test_the_error_is_that_of_its_step_alone() -> None:
    """A dead letter from the start, tried again, and leased."""
    db = memory()
    jobs = Jobs(db)
    asyncio.run(jobs.submit(Submission(KEY, "skill", "{}", error="too large"), NOW))
    asyncio.run(jobs.revive(KEY, 0, 3, NOW))
    asyncio.run(jobs.lease("ann", ["skill"], 1, 1_000, NOW, "ticket"))
    assert states(db) == [
        ("failed", 0, None, "too large"),
        ("waiting", 0, None, None),
        ("leased", 1, "ann", None),
    ]


def test_the_log_is_that_of_the_job_that_has_the_id_now() -> None:
    db = memory()
    asyncio.run(life(Jobs(db)))
    asyncio.run(Jobs(db).forget(NOW + 1_000_000))
    assert len(states(db)) == 7
    asyncio.run(Jobs(db).submit(Submission(KEY, "skill", "{}"), NOW + 2_000_000))
    assert states(db) == [("waiting", 0, None, None)]


def test_only_what_is_old_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.records.records.REQUESTS_AT_ONCE", 2)
    monkeypatch.setattr("agent.records.records.STEPS_AT_ONCE", 3)
    db = memory()
    records = Records(db)
    for at_ms in (1, 2, 3, 4):
        write(db, [point(at_ms)], at_ms)
    asyncio.run(life(Jobs(db)))
    assert [asyncio.run(records.forget(4)) for _ in range(3)] == [2, 1, 0]
    assert [row["written_ms"] for row in rows(db)] == [4]
    assert len(states(db)) == 7
    later = int(time.time() * 1000) + 60_000
    assert [asyncio.run(records.forget(later)) for _ in range(4)] == [4, 3, 1, 0]


@pytest.mark.parametrize("name", ["LOG", "FORGET_REQUESTS"])
def test_no_statement_reads_a_whole_table(name: str) -> None:
    statement = getattr(sql, name)
    params = ["1"] * max(int(found) for found in re.findall(r"\?(\d)", statement))
    db = memory()
    plan = db.connection.execute(f"EXPLAIN QUERY PLAN {statement}", params)
    steps = [step[3] for step in plan]
    assert steps
    assert [step for step in steps if step.startswith("SCAN")] == []


@pytest.mark.parametrize("path", sorted(MIGRATIONS.glob("*.sql")), ids=lambda path: path.name)
def test_a_trigger_of_a_migration_survives_being_cut_at_semicolons(path: Any) -> None:
    """D1 keeps a trigger whole if it looks like this; others end as `incomplete input`."""
    text = path.read_bytes().decode()
    assert "\r" not in text
    for found in re.findall(r"(?im)^.*\bcreate\s+(?:temp\w*\s+)?trigger\b.*$", text):
        assert re.fullmatch(r"CREATE TRIGGER \w+ [^;]+ BEGIN [^;]+; END;", found)
        assert re.findall(r"(?i)\b(?:case|begin|end)\b", found) == ["BEGIN", "END"]
