"""What stands around the agent's answers, on the real KV and D1: kept results, rows of requests,
a job's log, what is logged in development, and pages of other origins."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from router.dev.layout import Layout, find_root
from router.dev.prepare import prepare
from router.dev.server import DevServer
from tests.support.edge.agent_alone import PAGE, Around, configured, soon, statements
from tests.support.edge.router import HERE

SECRET = "s3cr3t-Zq"


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    folder = tmp_path_factory.mktemp("around")
    layout = Layout(find_root(HERE))
    prepare(layout)
    file = configured(layout, folder)
    with DevServer(layout) as server:
        log = folder / "wrangler.log"
        server.start([file], port=0, persist_to=folder / "state", log=log)
        server.wait_ready("/")
        started = Around(server.url, log)
        for statement in statements():
            started.own("sql", statement)
        yield started
        started.client.close()


def test_a_result_is_kept_for_its_tenant_and_input(around: Around) -> None:
    first = around.execute("numbered", job_id="one")
    assert (first.status_code, first.headers["x-cache"]) == (200, "MISS")
    assert soon(lambda: around.execute("numbered").headers["x-cache"] == "HIT")
    again = around.execute("numbered", job_id="two")
    told = again.json()
    assert (told["result"], told["job_id"]) == (first.json()["result"], "two")
    assert 0 <= told["age"] <= 60
    assert again.headers["age"] == str(told["age"])
    for other in (
        around.execute("numbered", "bob"),
        around.execute("numbered", input={"a": 1}),
        around.execute("numbered", headers={"cache-control": "no-store"}),
    ):
        assert other.json()["result"] != told["result"]
        assert other.headers["x-cache"] in ("MISS", "BYPASS")
    assert "x-cache" not in around.execute("text-processing", input={"text": ""}).headers


def test_each_request_becomes_a_row_in_the_background(around: Around) -> None:
    asked = {"tenant": "rows"}
    around.execute("text-processing", input={"text": "a"}, **asked)
    around.execute("text-processing", **asked)
    around.execute("broken", **asked)
    around.client.get("/nothing?key=x", headers={"x-router-key-id": "rows"})
    around.client.patch("/health", headers={"x-router-key-id": "rows"})
    time.sleep(1.5)  # nothing comes that might help
    assert soon(lambda: len(around.rows("rows")) >= 5)
    rows = around.rows("rows")
    told = [(r["endpoint"], r["method"], r["status"], r["outcome"]) for r in rows]
    assert told == [
        ("/execute", "POST", 200, "completed"),
        ("/execute", "POST", 422, "failed"),
        ("/execute", "POST", 500, ""),
        ("", "GET", 404, ""),
        ("/health", "PATCH", 405, ""),
    ]
    assert {(row["variant"], row["region"]) for row in rows} == {("production-eu", "eu")}
    assert all(row["took_ms"] >= 0 and row["worker"].startswith("cf-eu-") for row in rows)
    assert len({row["batch"] for row in rows}) <= 2


def test_rows_are_analysed(around: Around) -> None:
    """On D1 as on SQLite: exact, of the tenant alone, by what was asked for."""
    began = round(time.time() * 1000) - 1_000
    for tenant in ("seen", "unseen"):
        around.execute("text-processing", tenant, input={"text": "a"})
        around.execute("text-processing", tenant)
    around.client.get("/health", headers={"x-router-key-id": "seen"})
    assert soon(lambda: len(around.rows("seen")) == 3 and len(around.rows("unseen")) == 2)

    def analysed(query: str, scopes: str = "") -> Any:
        headers = {"x-router-key-id": "seen", "x-router-key-scopes": scopes}
        asked = around.client.get(f"/analytics?from={began}&{query}", headers=headers)
        return asked.raise_for_status().json()["analytics"]

    told = analysed("by=capability,tenant,region,endpoint,hour")
    found = [(each["capability"], each["requests"], each["errors"]) for each in told["groups"]]
    assert found == [("text-processing", 2, 1), ("", 1, 0)]
    assert {(each["tenant"], each["region"]) for each in told["groups"]} == {("seen", "eu")}
    (every,) = analysed("endpoint=/execute")["groups"]
    times = sorted(row["took_ms"] for row in around.rows("seen") if row["endpoint"] == "/execute")
    assert [every["p50_ms"], every["p95_ms"], every["p99_ms"]] == [times[0], times[1], times[1]]
    everybodys = analysed("by=tenant&endpoint=/execute", "analytics:read")["groups"]
    assert {each["tenant"]: each["requests"] for each in everybodys} == {"seen": 2, "unseen": 2}


def test_rows_that_cannot_be_written_are_counted_and_later_ones_are(around: Around) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    around.own("sql", rename.format("requests", "away"))
    try:
        assert around.client.get("/health").status_code == 200
        lost = soon(lambda: around.client.get("/metrics").json()["records_lost"])
        assert lost
        assert around.lines("records-lost")[-1]["count"] >= 1
    finally:
        around.own("sql", rename.format("away", "requests"))
    around.client.get("/health", headers={"x-router-key-id": "later"})
    assert soon(lambda: around.rows("later"))


def test_a_job_leaves_a_log_and_all_is_forgotten(around: Around) -> None:
    before = time.time() * 1000
    steps = around.own("live", 1_790_000_000_000)
    assert [(step["state"], step["attempt"], step["error"]) for step in steps] == [
        ("waiting", 0, None),
        ("leased", 1, None),
        ("failed", 1, "no luck"),
    ]
    assert before - 1_000 <= steps[0]["at_ms"] <= time.time() * 1000 + 1_000
    assert around.own("forget", int(before) - 3_600_000) == 0
    assert around.own("forget", int(before) + 3_600_000) >= 3
    assert around.own("sql", "SELECT count(*) AS n FROM activation_log") == [{"n": 0}]


def test_pages_of_allowed_origins(around: Around) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    told = around.client.options("/execute", headers={"origin": PAGE, **ask})
    assert (told.status_code, told.content) == (204, b"")
    assert told.headers["access-control-allow-origin"] == PAGE
    assert told.headers["access-control-allow-methods"] == "POST"
    assert told.headers["access-control-allow-headers"] == "x-api-key"
    other = around.client.options("/execute", headers={"origin": "https://evil.org", **ask})
    assert (other.status_code, other.headers["vary"]) == (403, "origin")
    broken = around.execute("broken", headers={"origin": PAGE})
    assert (broken.status_code, broken.headers["access-control-allow-origin"]) == (500, PAGE)
    plain = around.client.get("/health", headers={"origin": "https://evil.org"})
    assert "access-control-allow-origin" not in plain.headers


def test_in_development_requests_are_logged_without_secrets(around: Around) -> None:
    around.execute(
        "text-processing",
        "logged",
        input={"text": "hello", "api_key": SECRET},
        headers={"authorization": f"Bearer {SECRET}", "x-mine": "seen"},
    )
    around.client.get(f"/health?mine=seen&token={SECRET}")

    def both() -> list[Any]:
        mine = [line for line in around.lines("request") if "seen" in json.dumps(line)]
        return mine if len(mine) == 2 else []

    posted, got = soon(both)
    assert json.loads(posted["body"])["input"] == {"text": "hello", "api_key": "[hidden]"}
    assert posted["headers"]["authorization"] == "[hidden]"
    assert got["query"] == {"mine": "seen", "token": "[hidden]"}
    assert soon(lambda: any("completed" in (line["body"] or "") for line in around.lines("answer")))
    assert SECRET not in around.log.read_text(errors="replace")
