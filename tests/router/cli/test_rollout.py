"""`router rollout`: what is asked of a router, what is said of its answers, exit codes."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from router.api.client import Refused
from tests.router.cli.rollouts import NOW, Router, analysis, before, told_of
from tests.support.cli import run

BOTH = told_of(), told_of(name="pages-v3", state="waiting", weight=None, step=None)
EVENT = {
    "at": before(60),
    "event": "rollout-step",
    "rollout": "agents-v2",
    "run": "r-3f2a",
    "by": None,
    "state": "running",
    "step": 2,
    "before": 1,
    "weight": 5,
    "reason": "its analysis passed",
    "note": None,
    "numbers": None,
}


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Router:
    made = Router()
    monkeypatch.setattr("router.cli.rollout.client_for", lambda args: made)
    made.has(told_of())
    for action in ("start", "approve", "pause", "resume", "promote", "rollback"):
        made.says(f"rollouts/agents-v2/{action}", told_of())
    return made


@pytest.mark.parametrize(
    ("args", "document"),
    [
        (["start"], {}),
        (["start", "--note", "v2", "--force"], {"note": "v2", "force": True}),
        (["approve", "--note", "looks well"], {"note": "looks well"}),
        (["pause"], {}),
        (["resume", "--force"], {"force": True}),
        (["promote", "--force"], {"force": True}),
        (["rollback", "--note", "slow"], {"note": "slow"}),
        (["rollback", "--yes"], {}),
    ],
)
def test_actions(
    capsys: pytest.CaptureFixture[str], router: Router, args: list[str], document: dict[str, Any]
) -> None:
    action, *more = args
    code, out, err = run(capsys, "rollout", action, "agents-v2", *more)
    assert (code, err) == (0, "")
    assert router.asked == [("POST", f"rollouts/agents-v2/{action}", document)]
    assert out.startswith("agents-v2 at 5 %, step 2 of 5; next: ")
    code, out, _ = run(capsys, "rollout", action, *more, "--json")
    assert (code, json.loads(out)) == (0, told_of())
    assert router.asked[1:] == [("GET", "rollouts"), router.asked[0]]  # the only one


HEADER = {"header": {"name": "x-preview", "value": "1"}, "hold": "10m"}
PATTERN = {"header": {"name": "x-who", "regex": "a|b"}, "pause": True}
CLOSED = {"open": False, "until": None, "next_at": before(-3_600)}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            {"state": "waiting", "weight": None, "step": None},
            "agents-v2 has not been started; next: `router rollout start agents-v2`",
        ),
        (
            {},
            "agents-v2 at 5 %, step 2 of 5; "
            "next: 25 % when approved, not before 2026-11-24 12:05:50 UTC",
        ),
        (
            {"step": 1, "weight": 1},
            "agents-v2 at 1 %, step 1 of 5; next: 5 %, at 2026-11-24 12:05:50 UTC",
        ),
        (
            {"step": 1, "weight": 1, "analysis": analysis(None)},
            "agents-v2 at 1 %, step 1 of 5; "
            "next: 5 % when its analysis has passed, not before 2026-11-24 12:05:50 UTC",
        ),
        (
            {"state": "gate", "step": 5, "weight": 100},
            "agents-v2 at 100 %, step 5 of 5; next: `router rollout promote agents-v2` "
            "or `router rollout rollback agents-v2`",
        ),
        (
            {"state": "gate", "hold_until": None},
            "agents-v2 at 5 %, step 2 of 5; "
            "next: 25 % when approved: `router rollout approve agents-v2`",
        ),
        (
            {"window": CLOSED},
            "agents-v2 at 5 %, step 2 of 5; next: 25 % when its window opens, "
            "at 2026-11-24 13:00:00 UTC",
        ),
        (
            {"step": 5, "weight": 100.0, "hold_until": None},
            "agents-v2 at 100 %, step 5 of 5; next: the end of the rollout",
        ),
        (
            {"steps": [HEADER, {"key": ["ann", "bob"]}], "step": 1, "weight": None},
            "agents-v2 at the policy's own split, step 1 of 2 (header x-preview: 1); "
            "next: keys ann, bob, at 2026-11-24 12:05:50 UTC",
        ),
        (
            {"steps": [{"mirror": "10%"}, PATTERN], "step": 1, "weight": 0, "hold_until": None},
            "agents-v2 at 0 %, step 1 of 2 (mirror 10%); next: header x-who ~ a|b",
        ),
        (
            {"state": "paused", "reason": "paused by ann"},
            "agents-v2 paused at 5 %, step 2 of 5: paused by ann; "
            "next: it goes on with `router rollout resume agents-v2`",
        ),
        (
            {"state": "held", "reason": "the policy was edited"},
            "agents-v2 held at 5 %, step 2 of 5: the policy was edited; "
            "next: `router rollout resume agents-v2` or `router rollout rollback agents-v2`",
        ),
        (
            {"state": "succeeded", "weight": 100, "step": 5},
            "agents-v2 has succeeded: 100 % to canary; "
            "next: write it into the policy: `router rollout settle agents-v2`",
        ),
        (
            {"state": "rolled-back", "weight": 0, "reason": "errors"},
            "agents-v2 rolled back, to 0 %: errors; "
            "next: write it into the policy: `router rollout settle agents-v2`, "
            "or `router rollout start agents-v2` again",
        ),
        (
            {"state": "dreaming"},
            "agents-v2 dreaming at 5 %, step 2 of 5; "
            "next: look again with `router rollout status agents-v2`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_line_after_an_action(
    capsys: pytest.CaptureFixture[str], router: Router, told: dict[str, Any], line: str
) -> None:
    router.says("rollouts/agents-v2/start", told_of(**told))
    assert run(capsys, "rollout", "start", "agents-v2") == (0, f"{line}\n", "")


def test_a_refusal_is_told(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    document = {"code": "rollout-refused", "detail": "It has ended: start it.", "reason": "ended"}
    router.says("rollouts/agents-v2/approve", Refused("refuses", 409, document))
    code, out, err = run(capsys, "rollout", "approve", "agents-v2")
    assert (code, out) == (1, "")
    assert "refused: It has ended: start it." in err
    code, out, _ = run(capsys, "rollout", "approve", "agents-v2", "--json")
    assert (code, json.loads(out)) == (1, document)
    away = Refused("http://router refuses: later", 503, {"code": "coordinator-unavailable"})
    router.says("rollouts/agents-v2/approve", away)
    code, _, err = run(capsys, "rollout", "approve", "agents-v2")
    assert (code, "refuses: later" in err) == (1, True)


@pytest.mark.parametrize("verb", ["approve", "status", "history"])
def test_an_unknown_name(capsys: pytest.CaptureFixture[str], router: Router, verb: str) -> None:
    router.has(*BOTH)
    code, out, err = run(capsys, "rollout", verb, "agent-v2")
    assert (code, out) == (1, "")
    assert "there is no rollout agent-v2: did you mean agents-v2?" in err
    _, _, err = run(capsys, "rollout", verb, "../status")
    assert "there is no rollout ../status: there are agents-v2, pages-v3" in err
    assert any("rollouts/..%2Fstatus" in asked[1] for asked in router.asked)
    router.has()
    _, _, err = run(capsys, "rollout", verb, "agents-v4")
    assert "there is no rollout agents-v4: the policy has none" in err
    router.pages.clear()
    _, _, err = run(capsys, "rollout", verb, "agents-v2")
    assert "http://router is an older router, without rollouts" in err


@pytest.mark.parametrize("verb", ["start", "history", "status --watch"])
def test_a_name_is_needed_among_several(
    capsys: pytest.CaptureFixture[str], router: Router, verb: str
) -> None:
    router.has(*BOTH)
    code, out, err = run(capsys, "rollout", *verb.split())
    assert (code, out) == (2, "")
    assert "there are several rollouts, name one: agents-v2, pages-v3" in err
    router.has()
    code, _, err = run(capsys, "rollout", *verb.split())
    assert (code, "the policy has no rollouts" in err) == (1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "start | approve"),
        (["start", "a", "b"], "unrecognized arguments: b"),
        (["pause", "--force"], "rollout pause has no option `--force`"),
        (["history", "--limit", "0"], "`0` is not a number from 1 to 1000"),
        (["history", "--limit", "many"], "`many` is not a number"),
        (["settle", "--to", "production"], "there is no `production`: write promote or rollback"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, out, err = run(capsys, "rollout", *args)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("action", ["promote", "rollback"])
@pytest.mark.parametrize(
    ("answer", "is_done"), [("y", True), ("YES", True), ("", False), ("n", False), (None, False)]
)
def test_at_a_terminal_somebody_is_asked(
    capsys: pytest.CaptureFixture[str],
    router: Router,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    answer: str | None,
    is_done: bool,
) -> None:
    def read() -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", read)
    code, _, err = run(capsys, "rollout", action, "agents-v2")
    assert (code, bool(router.asked)) == (int(not is_done), is_done)
    assert "agents-v2: " in err
    assert "all traffic" in err
    assert ("nothing was done" in err) is not is_done
    router.asked.clear()
    assert run(capsys, "rollout", action, "agents-v2", "--yes")[0] == 0
    assert len(router.asked) == 1


def test_history(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    start = EVENT | {"event": "rollout-started", "by": "ann", "before": None, "weight": 1}
    stay = EVENT | {"event": "rollout-paused", "before": 5, "reason": "paused", "note": "a [look]"}
    page = {"events": [stay, EVENT, start | {"reason": "started", "note": "v2 of it"}]}
    router.says("rollouts/agents-v2/history", page)
    code, out, _ = run(capsys, "rollout", "history", "--limit", "3")
    assert code == 0
    assert router.asked[-1] == ("GET", "rollouts/agents-v2/history", {"limit": "3"})
    assert out.splitlines() == [
        "TIME (UTC)           EVENT    WEIGHT     BY   REASON",
        "2026-11-24 11:59:00  paused   5 %             paused; a [look]",
        "2026-11-24 11:59:00  step     1 % → 5 %       its analysis passed",
        "2026-11-24 11:59:00  started  - → 1 %    ann  started; v2 of it",
    ]
    code, out, _ = run(capsys, "rollout", "history", "agents-v2", "--json")
    assert (code, json.loads(out)) == (0, page)
    router.says("rollouts/agents-v2/history", {"events": []})
    assert run(capsys, "rollout", "history")[1] == "agents-v2 has no events yet\n"


def test_status_of_several(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    router.has(*BOTH)
    code, out, _ = run(capsys, "rollout", "status")
    assert code == 0
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "NAME STATE AT POOLS NEXT",
        "agents-v2 running 5 %, step 2 of 5 production → canary "
        "25 % when approved, not before 2026-11-24 12:05:50 UTC",
        "pages-v3 waiting the policy's own split production → canary "
        "`router rollout start pages-v3`",
    ]
    router.has()
    assert run(capsys, "rollout", "status")[:2] == (0, "the policy has no rollouts\n")


def test_status_as_json(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    at = NOW.isoformat()
    code, out, _ = run(capsys, "rollout", "status", "--json")
    assert (code, json.loads(out)) == (0, {"at": at, "rollouts": [told_of()]})
    code, out, _ = run(capsys, "rollout", "status", "agents-v2", "--json")
    assert (code, json.loads(out)) == (0, {"at": at, "rollout": told_of()})


def test_nobody_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "k")
    code, out, err = run(capsys, "rollout", "status", "--url", "http://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert "http://127.0.0.1:1 does not answer" in err
