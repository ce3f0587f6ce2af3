"""`router status`: what it shows, for people and programs, once and again and again."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policies.resilience.drill import time_text
from router.cli import watch
from router.dev.loopback import free_port
from tests.router.cli.rollouts import told_of
from tests.router.drill.standin import KEY, VARIANTS, StandIn, stand_in
from tests.support.cli import run

ROUTER = str(Path(sys.executable).with_name("router"))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def variant(name: str, region: str, **told: Any) -> dict[str, Any]:
    well = {"state": "healthy", "share": 1.0, "reason": "", "active": None, "drill": None}
    return {"name": name, "pool": "main", "region": region, "requests": 1_234, "failures": 0} | (
        well | told
    )


HEALTH: dict[str, Any] = {
    "at": NOW.isoformat(),
    "coordinator": {"reachable": True, "age_ms": 2_100, "version": 7, "error": None},
    "variants": [
        variant(
            *("main-eu", "eu"),
            state="ejected",
            share=0.0,
            reason="5 failures in a row",
            failures=17,
            active="unhealthy",
            drill="d-3f2a",
        ),
        variant("main-us", "us", active="healthy"),
        variant("main-ap", "ap", state="returning", share=0.35),
    ],
    "isolates": 6,
}


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    with stand_in() as server:
        server.health = HEALTH
        yield server


def told(capsys: pytest.CaptureFixture[str], router: StandIn, *more: str) -> tuple[int, list[str]]:
    """The exit code and the lines, with one space between words."""
    code, out, _ = run(capsys, "status", "--url", router.url, *more)
    return code, [" ".join(line.split()) for line in out.splitlines()]


def test_a_router_that_is_well(capsys: pytest.CaptureFixture[str], router: StandIn) -> None:
    code, lines = told(capsys, router)
    assert code == 0
    assert lines == [
        f"router {router.url}",
        "status ok",
        "policy abababababab from kv, loaded at the start: 2 routes, 3 variants",
        "coordinator heard 2s ago, 6 isolates within a minute",
        "",
        "variant pool region state share requests failures probes drill",
        "main-eu main eu ejected 0% 1,234 17 unhealthy d-3f2a 5 failures in a row",
        "main-us main us healthy 100% 1,234 0 healthy",
        "main-ap main ap returning 35% 1,234 0",
        "",
        "drills none",
    ]


def test_columns_stand_below_one_another(
    capsys: pytest.CaptureFixture[str], router: StandIn
) -> None:
    _, out, _ = run(capsys, "status", "--url", router.url)
    head, first, second, third = out.splitlines()[5:9]
    assert head.index("state") == first.index("ejected") == second.index("healthy")
    assert head.index("share") + 5 == first.index("0%") + 2 == third.index("35%") + 3


def test_a_router_that_is_degraded(capsys: pytest.CaptureFixture[str], router: StandIn) -> None:
    router.state, router.reasons = "degraded", ["the policy in KV (cdcd) is not valid"]
    at = (NOW - timedelta(minutes=2, seconds=10)).isoformat()
    router.rejected = {"digest": "cd" * 32, "at": at, "findings": [{}, {}]}
    code, lines = told(capsys, router)
    assert code == 1
    assert lines[1:5] == [
        "status degraded",
        "the policy in KV (cdcd) is not valid",
        "policy abababababab from kv, loaded at the start: 2 routes, 3 variants",
        "rejected cdcdcdcdcdcd, 2m10s ago: 2 findings",
    ]


def test_drills_with_the_time_that_is_left(
    capsys: pytest.CaptureFixture[str], router: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.start({"region": "eu", "mode": "errors:30%", "for": "10m", "force": True})
    at = NOW.timestamp() * 1000
    times = {"started_at": time_text(at - 1_000), "ends_at": time_text(at + 250_000)}
    router.drills[0]["told"] |= times
    _, lines = told(capsys, router)
    assert lines[-2:] == [
        "drills",
        "d-0001 region eu errors:30% 4m10s left by the admin secret, forced",
    ]


def test_rollouts_that_have_been_started(
    capsys: pytest.CaptureFixture[str], router: StandIn
) -> None:
    begun = told_of(state="held", reason="the rollout was edited")
    router.rollouts = {"at": NOW.isoformat(), "rollouts": [told_of(state="waiting"), begun]}
    _, lines = told(capsys, router)
    assert lines[-3:] == [
        "",
        "rollouts",
        "agents-v2 held 5 %, step 2 of 5 production → canary the rollout was edited",
    ]
    router.rollouts["rollouts"].pop()
    assert told(capsys, router)[1][-1] == "drills none"


def test_without_the_coordinator_and_without_a_binding(
    capsys: pytest.CaptureFixture[str], router: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"reachable": False, "age_ms": None, "version": 0, "error": "away"}
    router.health = {**HEALTH, "coordinator": line}
    monkeypatch.setitem(VARIANTS[1], "bound", False)
    code, lines = told(capsys, router)
    assert code == 0
    assert lines[3].startswith("coordinator not reachable: ")
    assert lines[7].endswith(" no binding")


def test_a_router_without_these_pages(capsys: pytest.CaptureFixture[str], router: StandIn) -> None:
    router.health = None
    code, lines = told(capsys, router)
    assert code == 0
    assert lines[5:8] == ["main-eu main eu", "main-us main us", "main-ap main ap"]
    assert not [line for line in lines if line.startswith("coordinator")]


def test_json(capsys: pytest.CaptureFixture[str], router: StandIn) -> None:
    code, out, _ = run(capsys, "status", "--url", router.url, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["url"] == router.url
    assert document["status"] == router.status()
    assert document["health"] == HEALTH
    assert document["drills"] == {"active": [], "scheduled": [], "past": []}
    assert document["rollouts"] is None


def test_nobody_there(capsys: pytest.CaptureFixture[str], router: StandIn) -> None:
    code, out, err = run(capsys, "status", "--url", f"http://127.0.0.1:{free_port()}")
    assert (code, out) == (1, "")
    assert "does not answer" in err


def test_control_characters_are_shown_and_not_sent(
    capsys: pytest.CaptureFixture[str], router: StandIn
) -> None:
    router.health = {**HEALTH, "variants": [variant("main-eu", "eu", reason="a\x1b[31mb")]}
    _, out, _ = run(capsys, "status", "--url", router.url)
    assert r"a\x1b[31mb" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_watching_without_a_terminal_prints_again_and_again(
    capsys: pytest.CaptureFixture[str],
    router: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
) -> None:
    """The second time the router is away, the third time it is back; then comes Ctrl-C."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        router.is_gone = len(pauses) == 1
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", pause)
    code, out, err = run(capsys, "status", "--url", router.url, "--watch", *more)
    assert (code, pauses) == (0, [2.0] * 3)
    assert "does not answer" in err
    if more:
        assert [json.loads(line)["health"] for line in out.splitlines()] == [HEALTH] * 2
    else:
        assert out.count("policy ") == 2


def test_watching_in_a_terminal_redraws_until_ctrl_c(router: StandIn) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ROUTER, "status", "--watch", "--url", router.url],
        env={**os.environ, "ROUTER_ADMIN_KEY": KEY, "TERM": "xterm", "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while seen.count(b"main-us") < 2:
        seen += os.read(ours, 65_536)
    process.send_signal(signal.SIGINT)
    while chunk := _read(ours):
        seen += chunk
    assert process.wait(timeout=20) == 0
    os.close(ours)
    assert b"\x1b[1A" in seen  # up a line: drawn over what was there
    assert b"Traceback" not in seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""
