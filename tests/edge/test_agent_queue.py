"""The job queue on the real D1, with the migrations as wrangler applies them.

One server for all: every test has a capability of its own, so they share the table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from router.dev.config import LOCAL_FLAGS
from router.dev.files import mirror, write_if_changed
from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.server import DevServer
from router.dev.wrangler import wrangler
from tests.edge.conftest import HERE

START = 1_790_000_000_000
LEASE_MS = 30_000
TENANT = "tenant"
JOBS, POLLERS = 60, 4  # in each of several requests at once
REQUESTS = 3


class Queue:
    """The queue behind HTTP, for jobs of one capability, at `now`."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=60)
        self.skill = f"skill-{uuid4().hex[:8]}"
        self.now = START
        self._tickets = count(1)

    def ask(self, verb: str, *values: Any) -> Any:
        answer = self.client.post(f"/{verb}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def key(self, id: str) -> list[str]:
        return [TENANT, f"{self.skill}-{id}"]

    def submit(self, id: str, payload: str = "{}", priority: int = 1, attempts: int = 3) -> Any:
        values = (self.key(id), self.skill, payload, priority, attempts)
        return self.ask("submit", *values, self.now)

    def lease(self, worker: str, limit: int = 1, ticket: str | None = None) -> list[str]:
        ticket = ticket or f"{self.skill}-{next(self._tickets)}"
        found = self.ask("lease", worker, [self.skill], limit, LEASE_MS, self.now, ticket)
        return [job[0][1].removeprefix(f"{self.skill}-") for job in found]

    def complete(self, id: str, worker: str, attempt: int = 1, result: str = "4") -> Any:
        return self.ask("complete", self.key(id), worker, attempt, result, self.now)

    def job(self, id: str) -> dict[str, Any]:
        sql = "SELECT * FROM jobs WHERE tenant = ?1 AND id = ?2"
        (row,) = self.ask("sql", [sql, self.key(id)])[0][0]
        return dict(row)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("queue")
    layout = Layout(find_root(HERE))
    prepare(layout)
    config = configured(layout, folder)
    state = ["--local", "--config", str(config), "--persist-to", str(folder / "state")]
    applied = wrangler(layout, ["d1", "migrations", "apply", "JOBS", *state])
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "0001_jobs.sql" in applied.stdout
    with DevServer(layout) as server:
        server.start([config], port=0, persist_to=folder / "state", log=folder / "wrangler.log")
        server.wait_ready("/")
        yield server.url


def configured(layout: Layout, folder: Path) -> Path:
    """The test Worker and the agent's packages, staged, and the database bound."""
    files = {"entry.py": (HERE / "workers" / "queue.py").read_bytes()}
    for path in sorted((layout.root / "agent").rglob("*")):
        if path.suffix in (".py", ".js"):
            files[path.relative_to(layout.root).as_posix()] = path.read_bytes()
    mirror(files, folder / "upload")
    (folder / "python_modules").symlink_to(layout.python_modules)
    production = layout.read_toml(layout.wrangler_toml)
    database = {
        "binding": "JOBS",
        "database_name": "jobs",
        "database_id": "00000000-0000-4000-8000-000000000000",
        "migrations_dir": str(layout.root / "agent" / "migrations"),
    }
    value = {
        "name": "test-queue",
        "main": "upload/entry.py",
        "compatibility_date": production["compatibility_date"],
        "compatibility_flags": [*production["compatibility_flags"], *LOCAL_FLAGS],
        "rules": [{"type": "ESModule", "globs": ["agent/**/*.js"]}],
        "d1_databases": [database],
    }
    write_if_changed(folder / "queue.json", json.dumps(value).encode())
    return folder / "queue.json"


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    started = Queue(url)
    yield started
    started.client.close()


def test_a_job_is_submitted_leased_and_completed(queue: Queue) -> None:
    payload = json.dumps({"code": "result = 2 + 2", "text": "ä€😀\n"}, ensure_ascii=False)
    submitted = queue.submit("sum", payload)
    assert submitted["is_conflict"] is False
    assert queue.submit("sum", payload) == submitted
    assert queue.submit("sum", "[]")["is_conflict"] is True
    assert queue.lease("ann") == ["sum"]
    assert queue.complete("sum", "ann") == [True, "completed"]
    assert queue.complete("sum", "ann") == [True, "completed"]
    job = queue.job("sum")
    assert (job["payload"], job["result"], job["attempt"]) == (payload, "4", 1)
    assert (job["submitted_ms"], job["ended_ms"], job["error"]) == (START, START, None)
    assert queue.ask("get", queue.key("nobody")) is None


def test_the_highest_priority_goes_first_and_a_repeated_poll_gets_the_same(queue: Queue) -> None:
    for id, priority in (("a", 1), ("b", 9), ("c", 1), ("d", 9)):
        queue.submit(id, priority=priority)
        queue.now += 1
    ticket = f"{queue.skill}-repeated"
    assert queue.lease("ann", 3, ticket) == ["b", "d", "a"]
    assert queue.lease("ann", 3, ticket) == ["b", "d", "a"]
    assert queue.lease("bob", 3) == ["c"]


def test_a_lost_lease_is_fenced_and_ends_as_a_dead_letter(queue: Queue) -> None:
    queue.submit("sum", attempts=2)
    queue.lease("ann")
    queue.now += LEASE_MS
    assert queue.lease("bob") == ["sum"]
    assert queue.complete("sum", "ann") == [False, "leased"]
    queue.now += LEASE_MS
    waiting, failed = queue.ask("return_lost", queue.now)
    assert queue.key("sum") in failed
    assert queue.key("sum") not in waiting
    assert queue.complete("sum", "bob", 2) == [False, "failed"]
    assert queue.job("sum")["error"] == "the lease of attempt 2 ran out"


def test_failing_waiting_extending_and_cancelling(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    key = queue.key("sum")
    assert queue.ask("extend", key, "ann", 1, 60_000, queue.now) == [True, "leased"]
    assert queue.job("sum")["lease_until_ms"] == queue.now + 60_000
    failed = queue.ask("fail", key, "ann", 1, "no luck", queue.now, True, 0.5)
    assert failed == [True, "waiting"]
    assert queue.job("sum")["available_ms"] == queue.now + 1_500
    assert queue.lease("ann") == []
    mine = [depth for depth in queue.ask("depth", queue.now) if depth[0] == queue.skill]
    assert mine == [[queue.skill, 0, 1, 0, 0, 0]]
    queue.now += 1_500
    assert queue.lease("ann") == ["sum"]
    assert queue.ask("cancel", key, queue.now) == [True, "cancelled"]
    assert queue.complete("sum", "ann", 2) == [False, "cancelled"]


def test_pollers_of_several_requests_at_once_complete_each_job_once(queue: Queue) -> None:
    """Although D1 seems to fail every fifth time, before or after having done it."""
    for number in range(JOBS):
        queue.submit(str(number))

    def crowd(request: int) -> list[Sequence[str]]:
        names = [f"poller-{request}-{number}" for number in range(POLLERS)]
        with httpx.Client(base_url=str(queue.client.base_url), timeout=60) as client:
            answer = client.post("/crowd", json=[names, queue.skill, queue.now])
            return list(answer.json())

    with ThreadPoolExecutor(REQUESTS) as pool:
        told = [ids for answer in pool.map(crowd, range(REQUESTS)) for ids in answer]
    done = Counter(id for ids in told for id in ids)
    assert done == Counter(queue.key(str(number))[1] for number in range(JOBS))
    assert sum(1 for ids in told if ids) > 1  # they did share the work


def test_the_largest_job_crosses_and_is_kept(queue: Queue) -> None:
    queue.submit("large", "x" * 512_000)
    queue.lease("ann")
    assert queue.complete("large", "ann", result="ä" * 500_000) == [True, "completed"]
    assert queue.job("large")["result"] == "ä" * 500_000


def test_only_what_ended_is_forgotten(queue: Queue) -> None:
    queue.now -= 1_000_000  # no other test has jobs that old
    queue.submit("old")
    queue.submit("waiting")
    queue.lease("ann")
    queue.complete("old", "ann")
    assert queue.ask("forget", queue.now + 1) == 1
    assert queue.ask("get", queue.key("old")) is None
    assert queue.job("waiting")["state"] == "waiting"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (0, "real"),
        (-1, "real"),
        (2**53, "real"),
        (1.5, "real"),
        (-1e300, "real"),
        ("", "text"),
        ("ä€😀\r\n\t\"'", "text"),
        ([], "blob"),
        ([0, 1, 127, 128, 255], "blob"),
        ([7] * 500_000, "blob"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_values_cross_and_come_back(queue: Queue, value: Any, kind: str) -> None:
    found = queue.ask("sql", ["SELECT ?1 AS value, typeof(?1) AS kind", [value]])
    assert found == [[[{"value": value, "kind": kind}], 0]]
    assert type(found[0][0][0]["value"]) is type(value)


def test_a_batch_is_done_whole_or_not_at_all(queue: Queue) -> None:
    queue.submit("sum")
    change = ["UPDATE jobs SET error = 'changed' WHERE tenant = ?1 AND id = ?2", queue.key("sum")]
    wrong = ["UPDATE jobs SET priority = 10 WHERE tenant = ?1 AND id = ?2", queue.key("sum")]
    answer = queue.ask("sql", change, wrong)
    assert answer["error"] == "Mistake"
    assert "CHECK constraint failed" in answer["message"]
    assert queue.job("sum")["error"] is None
    assert queue.ask("sql", change) == [[[], 1]]
    assert queue.job("sum")["error"] == "changed"


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("SELEC 1", [], "syntax error"),
        ("SELECT * FROM nobody", [], "no such table: nobody"),
        ("SELECT ?1, ?2", [1], "Wrong number of parameter bindings"),
        ("SELECT ?1", [2**53 + 1], "D1 holds whole numbers up to 2**53, not 9007199254740993"),
    ],
)
def test_mistakes_are_told_as_such(queue: Queue, sql: str, params: list[Any], message: str) -> None:
    answer = queue.ask("sql", [sql, params])
    assert answer["error"] == "Mistake"
    assert message in answer["message"]
