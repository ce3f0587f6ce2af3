"""`router drill run` against a stand-in: whole runs, refusals, interrupts, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.dev.loopback import free_port
from tests.router.drill.standin import KEY, StandIn, stand_in
from tests.support.cli import run

pytestmark = pytest.mark.load

ROUTER = str(Path(sys.executable).with_name("router"))
PLAN: dict[str, Any] = {
    "version": 1,
    "drill": {"region": "eu", "mode": "down"},
    "phases": {"baseline": "1s", "failure": "2s", "recovery": "1s"},
    "traffic": {
        "rate": "60/1s",
        "timeout": "10s",
        "requests": [
            {"name": "europe", "path": "/a?b=c", "from": {"country": "DE"}, "weight": 2},
            {
                "name": "america",
                "path": "/n",
                "method": "POST",
                "host": "api.test",
                "headers": {"x-user": "u-{n}", "x-api-key": "{env:DRILL_TEST_KEY}"},
                "body": "body {n}",
                "from": {"country": "US"},
            },
        ],
    },
    "objectives": {"error_rate": "0%", "leave_within": "1s"},
}


GAP = {"route": "api", "pool": "main", "regions": ["eu", None]}
REFUSAL = {"code": "drill-refused", "detail": "…", "gaps": [GAP], "more": 3}
REFUSED = "no variant would be left for route api, pool main, clients of eu, no region; and 3 more"
SHORT = {"baseline": "1s", "failure": "1s", "recovery": "1s"}


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    monkeypatch.setenv("DRILL_TEST_KEY", "from-the-environment")
    with stand_in() as server:
        yield server


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return write(tmp_path / "plan.yaml")


def write(path: Path, **sections: Any) -> Path:
    path.write_text(json.dumps({**PLAN, **sections}))
    return path


def drill(
    capsys: pytest.CaptureFixture[str], plan: Path, router: StandIn, *more: str
) -> tuple[int, str, str]:
    return run(capsys, "drill", "run", str(plan), "--url", router.url, *more)


def test_a_whole_run(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path, tmp_path: Path
) -> None:
    router.leaves_after, router.returns_after, router.next_digest = 0.4, 0.3, "cd" * 32
    phases = {"baseline": "2s", "failure": "3s", "recovery": "8s"}
    goals = {"error_rate": "0%", "leave_within": "2s", "return_within": "3s", "p95": "5s"}
    traffic = PLAN["traffic"] | {"rate": "30/1s"}  # which a busy machine sends in time, too
    write(plan, phases=phases, objectives=goals, traffic=traffic)
    report = tmp_path / "report.html"
    code, out, err = drill(capsys, plan, router, "--report", str(report), "--json")
    told = json.loads(out)
    assert code == 0, (told["notes"], told["objectives"], err)
    assert told["verdict"] == "met"
    assert told["notes"] == [
        "another policy was pushed during the run and serves now: cdcdcdcdcdcd"
    ]
    assert [each["passed"] for each in told["objectives"]] == [True] * 4
    measured = {each["name"]: each["measured"] for each in told["objectives"]}
    assert measured["error_rate"] == 0
    assert 0.3 <= measured["leave_within"] <= 2
    assert 0.2 <= measured["return_within"] <= 3
    assert [each["phase"] for each in told["phases"]] == ["baseline", "failure", "recovery"]
    assert len(told["seconds"]) == 13
    total = sum(each["requests"] for each in told["seconds"])
    assert total == sum(each["requests"] for each in told["phases"])
    assert 0 <= len(router.requests) - total <= 2  # that were due when all was over
    assert told["seconds"][0]["answers"]["by_region"].keys() == {"eu", "us"}
    assert told["drill"]["id"] == "d-0001"
    assert told["router"]["policy"] == "ab" * 32
    assert json.loads(report.with_suffix(".json").read_text()) == told
    assert "Objectives met" in report.read_text()
    assert router.asked == [{"region": "eu", "mode": "down", "for": "3s", "force": False}]
    lines = [line for line in err.splitlines() if "/s" in line]
    assert len(lines) >= 8
    assert [line.split()[2] for line in lines[:1] + lines[-1:]] == ["baseline", "recovery"]
    assert "\x1b" not in err


def test_what_is_sent(capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path) -> None:
    router.refusal = REFUSAL
    assert drill(capsys, plan, router)[0] == 1
    reads = [each for each in router.requests if each[":method"] == "GET"]
    writes = [each for each in router.requests if each[":method"] == "POST"]
    assert abs(len(reads) - 2 * len(writes)) <= 3
    assert {each[":path"] for each in reads} == {"/a?b=c"}
    assert {each["host"] for each in reads} == {router.url.removeprefix("http://")}
    assert {each["host"] for each in writes} == {"api.test"}
    assert json.loads(writes[0]["mf-cf-blob"]) == {"country": "US", "clientAcceptEncoding": "gzip"}
    assert {each["x-api-key"] for each in writes} == {"from-the-environment"}
    numbers = [each["x-user"].removeprefix("u-") for each in writes]
    assert len(set(numbers)) == len(writes)
    assert [each[":body"] for each in writes] == [f"body {number}" for number in numbers]
    assert not any("authorization" in each or "cookie" in each for each in router.requests)


def test_objectives_that_are_missed_and_a_drill_that_does_not_end(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path
) -> None:
    router.bad_status, router.leaves_after, router.outlives = 503, 60, 60
    code, out, _ = drill(capsys, plan, router)
    assert code == 1
    assert out.startswith("not met  Region eu was down for 2 s. Of ")
    assert "✗ Requests with status 500 or more" in out
    assert "its share never stayed below 1 % of the responses" in out
    assert "the drill did not end by itself" in out
    assert router.listed()["active"] == []


def test_an_answer_that_names_nobody(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path
) -> None:
    router.identify = False
    code, _, err = drill(capsys, plan, router)
    assert (code, router.requests) == (1, [])
    assert "`identify: false`" in err
    write(plan, phases=SHORT, objectives={"error_rate": "0%"})
    code, out, _ = drill(capsys, plan, router)
    assert code == 0, out


def test_a_refused_drill_is_told_with_what_there_was(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path, tmp_path: Path
) -> None:
    router.refusal = REFUSAL
    report = tmp_path / "r.html"
    code, out, _ = drill(capsys, plan, router, "--report", str(report))
    assert code == 1
    assert out.startswith("not judged  The drill did not start. Of ")
    assert REFUSED in out
    assert REFUSED in report.read_text()
    told = json.loads(report.with_suffix(".json").read_text())
    assert [each["phase"] for each in told["phases"]] == ["baseline"]


def test_a_drill_that_ends_before_its_time_proves_nothing(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path
) -> None:
    router.ends_early, router.why = 2.0, "nothing left"
    write(plan, phases={"baseline": "1s", "failure": "4s", "recovery": "1s"})
    code, out, _ = drill(capsys, plan, router, "--json")
    told = json.loads(out)
    assert (code, told["verdict"]) == (1, "not judged")
    assert "ended before its time: real failures" in told["notes"][0]
    moments = told["moments"]
    assert 1.8 <= moments["drill_ended"] - moments["drill_began"] <= 2.4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"drill": {"region": "eur", "mode": "down"}},
            "no variant in region eur: did you mean eu?",
        ),
        ({"drill": {"pool": "x", "mode": "down"}}, "no variant in pool x: known: main"),
        ({"drill": {"region": "ap", "mode": "down"}}, "region ap answered none of the"),
    ],
)
def test_a_plan_that_does_not_fit_the_router(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path, change: Any, said: str
) -> None:
    write(plan, **change)
    code, out, err = drill(capsys, plan, router)
    assert code == 1
    assert said in out + err
    assert router.asked == []


def test_another_drill_is_in_the_way(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path
) -> None:
    router.start({"region": "us", "mode": "errors:30%", "for": "10m", "force": False})
    code, _, err = drill(capsys, plan, router)
    assert (code, router.requests) == (1, [])
    assert "a drill is running already: d-0001, region us errors:30% until 2" in err


def test_nobody_there_and_a_wrong_key(
    capsys: pytest.CaptureFixture[str],
    router: StandIn,
    plan: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, _, err = run(
        capsys, "drill", "run", str(plan), "--url", f"http://127.0.0.1:{free_port()}"
    )
    assert code == 1
    assert "does not answer" in err
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "wrong")
    code, _, err = drill(capsys, plan, router)
    assert code == 1
    assert "does not know the key" in err
    assert router.requests == []


def test_a_key_that_the_environment_lacks(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRILL_TEST_KEY")
    code, _, err = drill(capsys, plan, router)
    assert (code, router.requests) == (2, [])
    assert "uses DRILL_TEST_KEY of the environment" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "PLAN.yaml"),
        (["no-such-plan.yaml"], "cannot read"),
        (["PLAN", "--report", "no-such-folder/r.html"], "folder does not exist"),
        (["PLAN", "--report", "r.json"], "names the HTML file"),
        (["PLAN", "--url", "localhost"], "is not the URL of a router"),
    ],
)
def test_wrong_use(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path, args: list[str], said: str
) -> None:
    code, _, err = run(capsys, "drill", "run", *(str(plan) if a == "PLAN" else a for a in args))
    assert code == 2
    assert said in err


def test_a_plan_that_is_not_valid(
    capsys: pytest.CaptureFixture[str], router: StandIn, plan: Path
) -> None:
    write(plan, drill={"region": "eu", "mode": "sideways"})
    for more in ((), ("--check",)):
        code, out, err = drill(capsys, plan, router, *more)
        assert (code, out, router.requests) == (1, "", [])
        assert f"{plan}:1:" in err
        assert "error bad-mode drill.mode" in err
        assert "is not valid (1 finding)" in err


def test_check_sends_nothing(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    code, out, _ = run(capsys, "drill", "run", str(plan), "--check")
    assert code == 0
    assert out.startswith(f"valid {plan}: region eu down for 2s, 240 requests in 4s, digest ")


def start(router: StandIn, *args: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "ROUTER_ADMIN_KEY": KEY, "DRILL_TEST_KEY": "k"}
    return subprocess.Popen(
        [ROUTER, "drill", "run", *args, "--url", router.url],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"{word} was never told")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_stops_the_drill_and_tells_what_there_was(
    router: StandIn, plan: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    write(plan, phases={"baseline": "1s", "failure": "10m", "recovery": "1m"})
    report = tmp_path / "r.html"
    process = start(router, str(plan), "--report", str(report))
    until(process, "failure")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert out.startswith("not judged  Region eu was down for ")
    assert "the run was interrupted" in out
    assert "Traceback" not in err
    assert router.listed()["active"] == []
    assert "interrupted" in report.read_text()


def test_a_router_that_goes_away_is_seen_by_clients(plan: Path) -> None:
    with stand_in() as router:
        write(plan, phases={"baseline": "1s", "failure": "2s", "recovery": "1s"})
        process = start(router, str(plan), "--json")
        until(process, "failure")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    told = json.loads(out)
    assert told["verdict"] == "not met"
    assert told["objectives"][0]["passed"] is False
    assert told["failures"].keys() <= {"no connection", "no answer", "broken off", "timeout"}
    assert "is unknown" in told["notes"][-1]
    assert "Traceback" not in err
