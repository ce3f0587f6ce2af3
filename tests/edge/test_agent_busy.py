"""Databases that are busy, and statements that run for long, on real D1.

A second connection to SQLite's file holds its write lock, as another process does.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest

from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.server import DevServer
from tests.support.edge.agent_alone import Around, configured, soon, statements
from tests.support.edge.router import HERE

KEY = {"x-router-key-id": "ann", "x-router-key-scopes": "database:read database:write"}
JOB = {"capability": "text-processing", "input": {"text": "a"}}


class Site:
    """An agent, and the files of its databases."""

    def __init__(self, around: Around, state: Path) -> None:
        self.around = around
        self._files = state / "v3" / "d1" / "miniflare-D1DatabaseObject"
        self.sql("CREATE TABLE own (a)")

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        more = {} if body is None else {"json": body}
        return self.around.client.request(method, path, headers=KEY, **more)

    def sql(self, text: str, **more: Any) -> httpx.Response:
        job = {"capability": "database", "input": {"sql": text, **more}}
        return self.ask("POST", "/execute", job)

    def submit(self, id: str, data: dict[str, Any]) -> httpx.Response:
        return self.ask("POST", "/activations", {"activation_id": id, "activation_data": data})

    def file(self, table: str) -> Path:
        """Of the database with that table."""
        for path in self._files.glob("*.sqlite"):
            with closing(sqlite3.connect(path)) as database:
                asked = "SELECT count(*) FROM sqlite_schema WHERE name = ?"
                if database.execute(asked, (table,)).fetchone()[0]:
                    return path
        raise AssertionError(f"no file has the table {table}")

    @contextmanager
    def locked(self, table: str) -> Iterator[sqlite3.Connection]:
        path = self.file(table)
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        with closing(database):
            database.execute("BEGIN IMMEDIATE")
            yield database
            if database.in_transaction:
                database.execute("ROLLBACK")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("busy")
    layout = Layout(find_root(HERE))
    prepare(layout)
    file = configured(layout, folder)
    with DevServer(layout) as server:
        log = folder / "wrangler.log"
        server.start([file], port=0, persist_to=folder / "state", log=log)
        server.wait_ready("/")
        around = Around(server.url, log)
        for statement in statements():
            around.own("sql", statement)
        yield Site(around, folder / "state")
        around.client.close()


def is_busy(answer: httpx.Response) -> bool:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert "busy" in answer.json()["error"]
    return True


def test_a_queue_that_is_locked_is_503_and_its_jobs_are_kept(site: Site) -> None:
    data = {**JOB, "dispatch": "poll"}
    assert site.submit("kept-1", data).status_code == 200
    with site.locked("jobs"):
        assert is_busy(site.submit("kept-2", data))
        assert is_busy(site.ask("POST", "/poll", {"worker_id": "w-1"}))
        assert is_busy(site.ask("POST", "/activations/kept-1/cancel"))
        assert site.ask("GET", "/activations/kept-1").status_code == 200
        assert site.ask("GET", "/metrics").status_code == 200
    assert site.ask("GET", "/activations/kept-2").status_code == 404
    (job,) = site.ask("POST", "/poll", {"worker_id": "w-1"}).json()["jobs"]
    assert (job["job_id"], job["attempt"]) == ("kept-1", 1)
    held = {"worker_id": "w-1", "attempt": 1}
    path = "/activations/kept-1/complete"
    with site.locked("jobs"):
        assert is_busy(site.ask("POST", path, {**held, "result": 1}))
        assert is_busy(site.ask("POST", "/execute", {**held, "job_id": "kept-1"}))
    assert site.ask("POST", path, {**held, "result": 1}).json()["status"] == "completed"


@pytest.mark.parametrize("table", ["jobs", "own"])
def test_a_lock_that_goes_in_time_is_not_noticed(site: Site, table: str) -> None:
    with site.locked(table) as database:
        timer = Timer(0.15, database.execute, ["ROLLBACK"])
        timer.start()
        if table == "jobs":
            answer = site.submit("soon-1", {**JOB, "dispatch": "poll"})
        else:
            answer = site.sql("INSERT INTO own VALUES (1)")
        timer.join()
    assert answer.status_code == 200, answer.text
    site.sql("DELETE FROM own")


def test_users_tables_that_are_locked_are_503_and_nothing_is_changed(site: Site) -> None:
    with site.locked("own"):
        assert is_busy(site.sql("INSERT INTO own VALUES (2)"))
        assert is_busy(site.sql("INSERT INTO own VALUES (?)", params=[[3], [4]]))
        assert site.sql("SELECT a FROM own").json()["result"]["rows"] == []
        assert site.sql("INSERT INTO nobody VALUES (2)").status_code == 422
    assert site.sql("SELECT a FROM own").json()["result"]["rows"] == []


def test_a_job_of_the_queue_waits_for_its_table(site: Site) -> None:
    """It is no failure of the job's own: its next attempt does it."""
    asked = {"capability": "database", "input": {"sql": "INSERT INTO own VALUES (9)"}}
    with site.locked("own"):
        site.submit("own-1", asked)
        assert soon(lambda: site.ask("GET", "/activations/own-1").json().get("error"))
        told = site.ask("GET", "/activations/own-1").json()
        assert (told["status"], "busy" in told["error"]) == ("waiting", True)
    assert soon(lambda: site.ask("GET", "/activations/own-1").json()["status"] == "completed")
    assert site.sql("SELECT a FROM own").json()["result"]["rows"] == [[9]]
    site.sql("DELETE FROM own")


def test_a_statement_that_would_run_for_long_is_ended(site: Site) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9)"
    for text in (f"{numbers} SELECT max(i) FROM n", f"INSERT INTO own {numbers} SELECT i FROM n"):
        began = time.monotonic()
        answer = site.sql(text)
        assert answer.status_code == 422, answer.text
        assert "more than 1,000,000 rows" in answer.json()["error"]
        assert time.monotonic() - began < 25
    assert site.ask("GET", "/health").status_code == 200
    million = numbers.replace("1e9", "1e6")
    assert site.sql(f"{million} SELECT count(*) FROM n").json()["result"]["rows"] == [[10**6]]
    assert site.sql("SELECT a FROM own").json()["result"]["rows"] == []


def test_an_answer_that_does_not_come_in_time_is_503(site: Site) -> None:
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900000) "
        "SELECT sum(length(hex(zeroblob(a.i % 50)))) FROM n AS a"
    )
    answer = site.sql(slow, timeout_ms=100)
    assert answer.status_code == 503, answer.text
    assert "no answer within 100 ms" in answer.json()["error"]
    assert "retry-after" in answer.headers
    assert site.sql("SELECT 1").json()["result"]["rows"] == [[1]]
