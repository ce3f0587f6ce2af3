"""`router rollout status --watch`: what a log gets, when it ends, and what a terminal shows."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from router.api.client import NotReachable, Refused
from router.cli import watch
from tests.router.cli.rollouts import NOW, Router, analysis, before, told_of, verdict
from tests.router.drill.standin import KEY, stand_in
from tests.support.cli import run

ROUTER = str(Path(sys.executable).with_name("router"))
AT = "2026-11-24 12:00:00 UTC"
DONE = told_of(state="succeeded", weight=100, step=5, hold_until=None)
WATCH = ("rollout", "status", "agents-v2", "--watch")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []

    def pause(seconds: float) -> None:
        made.append(seconds)
        assert len(made) < 20, "it watches for ever"

    monkeypatch.setattr(watch.time, "sleep", pause)
    return made


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Router:
    made = Router()
    monkeypatch.setattr("router.cli.rollout.client_for", lambda args: made)
    return made


def test_a_line_whenever_something_has_changed(
    capsys: pytest.CaptureFixture[str], router: Router, pauses: list[float]
) -> None:
    gate = told_of(state="gate", hold_until=None)
    passed = verdict("passed")
    router.becomes(
        told_of(),
        told_of(),
        told_of(),  # the first was only asked for its beginning
        told_of(analysis=analysis(None, requests={"from": 2, "to": 1})),  # no news
        told_of(analysis=analysis(passed)),
        told_of(analysis=analysis(passed | {"at": before(0), "reasons": ["all is well"]})),
        gate,
        DONE,
    )
    code, out, err = run(capsys, *WATCH)
    assert (code, err, pauses) == (0, "", [2.0] * 6)
    assert out.splitlines() == [
        f"{AT}  agents-v2 at 5 %, step 2 of 5; "
        "next: 25 % when approved, not before 2026-11-24 12:05:50 UTC",
        f"{AT}  analysis passed at 2026-11-24 11:59:12 UTC",
        f"{AT}  analysis passed at 2026-11-24 12:00:00 UTC: all is well",
        f"{AT}  agents-v2 at 5 %, step 2 of 5; "
        "next: 25 % when approved: `router rollout approve agents-v2`",
        f"{AT}  agents-v2 has succeeded: 100 % to canary; "
        "next: write it into the policy: `router rollout settle agents-v2`",
    ]


@pytest.mark.parametrize(("state", "code"), [("succeeded", 0), ("rolled-back", 1), ("held", 1)])
def test_the_end(
    capsys: pytest.CaptureFixture[str],
    router: Router,
    pauses: list[float],
    state: str,
    code: int,
) -> None:
    router.becomes(told_of(), told_of(state="paused"), told_of(state=state))
    assert run(capsys, *WATCH)[0] == code
    assert len(pauses) == 1
    router.becomes(told_of(state=state))
    assert run(capsys, *WATCH)[0] == code


def test_json_lines(
    capsys: pytest.CaptureFixture[str], router: Router, pauses: list[float]
) -> None:
    router.becomes(told_of(), told_of(), told_of(), DONE)
    code, out, _ = run(capsys, *WATCH, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [page["rollout"] for page in told]) == (0, [told_of(), DONE])
    assert {page["at"] for page in told} == {NOW.isoformat()}


def test_start_and_watch(
    capsys: pytest.CaptureFixture[str], router: Router, pauses: list[float]
) -> None:
    """What an isolate that has not heard of the start tells is of the rollout before."""
    router.says("rollouts/agents-v2/start", told_of(since=before(0), step=1, weight=1))
    router.becomes(
        told_of(state="rolled-back", since=before(900)),
        told_of(since=before(0), step=1, weight=1),
        told_of(state="rolled-back", since=before(-60), reason="errors"),
    )
    code, out, _ = run(capsys, "rollout", "start", "agents-v2", "--watch")
    assert (code, len(pauses)) == (1, 2)
    assert out.splitlines()[0].startswith("agents-v2 at 1 %, step 1 of 5")
    assert "rolled back, to 5 %: errors" in out.splitlines()[-1]
    router.becomes(ended := DONE | {"since": before(-60)})
    code, out, _ = run(capsys, "rollout", "start", "agents-v2", "--watch", "--json")
    assert (code, json.loads(out)["rollout"]) == (0, ended)


def test_trouble_on_the_way(
    capsys: pytest.CaptureFixture[str], router: Router, pauses: list[float]
) -> None:
    """Who is away may come back, and is complained about once; who refuses, refuses."""
    away = NotReachable("http://router does not answer")
    later = Refused("http://router refuses: later", 503, {"code": "coordinator-unavailable"})
    router.becomes(told_of(), away, away, told_of(), away, later, DONE)
    code, _, err = run(capsys, *WATCH)
    assert (code, len(pauses)) == (0, 5)
    assert err.splitlines() == [
        "router: http://router does not answer",
        "router: http://router does not answer",
        "router: http://router refuses: later",
    ]
    router.becomes(told_of(), told_of(), Refused("it does not know the key", 401, {}))
    code, _, err = run(capsys, *WATCH)
    assert (code, "it does not know the key" in err) == (1, True)


def test_ctrl_c(
    capsys: pytest.CaptureFixture[str], router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", stop)
    router.becomes(told_of())
    code, _, err = run(capsys, *WATCH)
    assert (code, err) == (130, "stopped watching; agents-v2 continues\n")


def test_a_terminal_is_drawn_anew_until_the_end() -> None:
    ours, theirs = pty.openpty()
    with stand_in() as server:
        server.rollouts = {"at": NOW.isoformat(), "rollouts": [told_of()]}
        process = subprocess.Popen(
            [ROUTER, *WATCH, "--url", server.url],
            env={**os.environ, "ROUTER_ADMIN_KEY": KEY, "TERM": "xterm", "COLUMNS": "200"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        seen = b""
        while seen.count("▶".encode()) < 2:
            seen += os.read(ours, 65_536)
        server.rollouts = {"at": NOW.isoformat(), "rollouts": [DONE]}
        reader = threading.Thread(target=lambda: seen_to_the_end(ours))
        reader.start()
        assert process.wait(timeout=20) == 0
        reader.join()
    os.close(ours)
    assert b"\x1b[1A" in seen  # up a line: drawn over what was there
    assert b"Traceback" not in seen


def seen_to_the_end(terminal: int) -> None:
    """A terminal that nobody reads would hold the command up."""
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # the other side is closed
        pass
