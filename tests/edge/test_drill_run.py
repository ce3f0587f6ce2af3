"""`router drill run` and `router status` at a real router: a whole drill, seen by clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run
from tests.support.edge.router import ADMIN_KEY, HERE, Edge
from tests.support.edge.workerd import running_edge

PLAN: dict[str, Any] = {
    "version": 1,
    "drill": {"region": "eu", "mode": "down"},
    "phases": {"baseline": "2s", "failure": "4s", "recovery": "15s"},
    "traffic": {
        "rate": "30/1s",
        "requests": [
            {
                "name": "read",
                "path": "/health",
                "host": "drill.test",
                "from": {"country": "DE", "continent": "EU", "colo": "FRA"},
                "weight": 2,
            },
            {
                "name": "write",
                "method": "POST",
                "path": "/notes?n=1",
                "host": "drill.test",
                "headers": {"idempotency-key": "drill-{n}"},
                "body": "note {n}",
                "from": {"country": "US", "continent": "NA", "colo": "DFW"},
            },
        ],
    },
    "objectives": {"error_rate": "0%", "leave_within": "3s", "return_within": "10s", "p95": "5s"},
}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running_edge(tmp_path_factory.mktemp("drill-run"), HERE / "drill_run.yaml") as started:
        yield started


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", ADMIN_KEY)
    return tmp_path / "plan.yaml"


def drill(
    capsys: pytest.CaptureFixture[str], plan: Path, router: Edge, *more: str, **sections: Any
) -> tuple[int, str, str]:
    plan.write_text(json.dumps({**PLAN, **sections}))
    return run(capsys, "drill", "run", str(plan), "--url", router.url, *more)


def test_clients_do_not_notice_that_a_region_is_lost(
    capsys: pytest.CaptureFixture[str], router: Edge, plan: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    code, out, err = drill(capsys, plan, router, "--json", "--report", str(report))
    told = json.loads(out)
    assert code == 0, (told["objectives"], told["notes"], told["failures"], err)
    assert [each["passed"] for each in told["objectives"]] == [True] * 4
    baseline, failure, _ = told["phases"]
    assert baseline["answers"]["by_variant"].keys() == {"main-eu", "main-us"}
    assert failure["answers"]["by_region"].get("eu", 0) <= 0.01 * failure["requests"] + 1
    assert told["seconds"][-1]["answers"]["by_variant"]["main-eu"] >= 16  # of 20
    assert told["router"]["policy"] == router.own("status").json()["policy"]["digest"]
    assert "Objectives met" in report.read_text()
    past = router.own("drills").json()["past"][0]
    assert (past["id"], past["why"]) == (told["drill"]["id"], "time")


def test_a_drill_that_would_leave_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], router: Edge, plan: Path
) -> None:
    traffic = {
        "rate": "10/1s",
        "requests": [{"name": "read", "path": "/", "host": "alone.test"}],
    }
    code, out, _ = drill(
        capsys, plan, router, drill={"pool": "alone", "mode": "down"}, traffic=traffic
    )
    assert code == 1
    assert out.startswith("not judged  The drill did not start. Of ")
    assert "the drill is refused: no variant would be left for route alone, pool alone" in out


def test_status_shows_a_drill_while_it_runs(
    capsys: pytest.CaptureFixture[str], router: Edge, plan: Path
) -> None:
    url = ("--url", router.url)
    asked = ("--variant", "main-ap", "--mode", "latency:2s", "--for", "10m")
    assert run(capsys, "drill", "start", *asked, *url)[0] == 0
    drill_id = router.own("drills").json()["active"][0]["id"]
    code, out, _ = run(capsys, "status", *url)
    assert code == 0
    [line] = [line.split() for line in out.splitlines() if line.startswith("main-ap ")]
    assert drill_id in line
    assert f"{drill_id}  variant main-ap  latency:2s  " in out
    code, _, err = drill(capsys, plan, router)
    assert code == 1
    assert f"a drill is running already: {drill_id}, variant main-ap latency:2s until " in err
    assert run(capsys, "drill", "stop", drill_id, *url)[0] == 0
    assert run(capsys, "status", *url)[1].splitlines()[-1] == "drills  none"
