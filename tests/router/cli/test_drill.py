"""`router drill`: what is asked of a router, what is said of its answers, exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.api.client import Refused
from tests.support.cli import run

DRILL = {
    "id": "d-3f2a",
    "region": "eu",
    "mode": "errors:30%",
    "started_at": "2026-11-24T11:41:15.708+00:00",
    "ends_at": "2026-11-24T12:51:15.708+01:00",
    "by": "ann",
    "forced": True,
    "name": None,
}
ENDED = DRILL | {"ended_at": "2026-11-24T11:42:15.708+00:00", "why": "stopped", "ended_by": "bob"}
NIGHTLY = {"name": "nightly", "pool": "p", "mode": "down", "for": "10m", "schedule": "0 3 * * *"}
EVERYTHING = {
    "active": [DRILL],
    "scheduled": [NIGHTLY | {"next_at": "2026-11-25T03:00:00.000+00:00"}],
    "past": [ENDED | {"id": f"d-{number:04}"} for number in range(12)],
}
GAPS = [{"route": "r", "pool": "p", "regions": ["eu", None]}]


class Router:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.asked: list[tuple[Any, ...]] = []

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _ask(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def get(self, page: str) -> Any:
        return self._ask("GET", page)

    def post(self, page: str, document: object) -> Any:
        return self._ask("POST", page, document)

    def delete(self, page: str) -> Any:
        return self._ask("DELETE", page)


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Router:
    made = Router()
    monkeypatch.setattr("router.cli.drill.client_for", lambda args: made)
    return made


START = ("drill", "start", "--mode", "down", "--for", "10m")


@pytest.mark.parametrize(
    ("args", "document"),
    [
        (["--region", "eu"], {"region": "eu", "force": False}),
        (["--variant", "v", "--force"], {"variant": "v", "force": True}),
        (["--pool", "p", "--mode", "latency:2s"], {"pool": "p", "mode": "latency:2s"}),
    ],
)
def test_start(
    capsys: pytest.CaptureFixture[str], router: Router, args: list[str], document: dict[str, Any]
) -> None:
    router.answer = DRILL
    code, out, _ = run(capsys, *START, *args)
    assert code == 0
    ((method, page, sent),) = router.asked
    assert (method, page) == ("POST", "drills")
    assert sent == {"mode": "down", "for": "10m", "force": False} | document
    assert "started d-3f2a: region eu errors:30%, until 2026-11-24 11:51:15 UTC\n" in out
    code, out, _ = run(capsys, *START, *args, "--json")
    assert (code, json.loads(out)) == (0, DRILL)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["drill"], "start | stop | list"),
        (["drill", "start", "--region", "eu"], "--mode"),
        ([*START], "one of the arguments"),
        ([*START, "--region", "eu", "--pool", "p"], "not allowed with"),
        ([*START, "--region", "eu", "--mode", "up"], "`up` is no mode"),
        ([*START, "--region", "eu", "--for", "1d1s"], "no duration of 1s to 24h"),
        ([*START, "--region", "eu", "--url", "nowhere"], "is not the URL of a router"),
        (["drill", "stop", "a", "b"], "unrecognized arguments: b"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, out, err = run(capsys, *args)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"reason": "nothing would be left for …", "gaps": GAPS, "more": 0},
            ["refused: no variant would be left for", "route r, pool p, clients of eu, no region"],
        ),
        ({"reason": "…", "gaps": GAPS, "more": 7}, ["and 7 more", "--force"]),
        ({"reason": "there is no region eu", "gaps": []}, ["refused: there is no region eu"]),
    ],
)
def test_a_refusal_is_told(
    capsys: pytest.CaptureFixture[str], router: Router, document: dict[str, Any], said: list[str]
) -> None:
    whole = {"code": "drill-refused", **document}
    router.answer = Refused("refused", 409, whole)
    code, out, err = run(capsys, *START, "--region", "eu")
    assert (code, out) == (1, "")
    assert all(each in err for each in said)
    code, out, _ = run(capsys, *START, "--region", "eu", "--json")
    assert (code, json.loads(out)) == (1, whole)


def test_stop(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    router.answer = {"ended": [ENDED]}
    code, out, _ = run(capsys, "drill", "stop", "d-3f2a")
    assert (code, out) == (0, "stopped d-3f2a: region eu errors:30%\n")
    code, out, _ = run(capsys, "drill", "stop", "--json")
    assert (code, json.loads(out)) == (0, router.answer)
    run(capsys, "drill", "stop", "../status")
    assert [page for _, page in router.asked] == ["drills/d-3f2a", "drills", "drills/..%2Fstatus"]
    router.answer = {"ended": []}
    assert run(capsys, "drill", "stop")[:2] == (0, "no drill is running\n")
    router.answer = Refused("refuses: No drill d-0 is running.", 404, {"code": "not-found"})
    code, _, err = run(capsys, "drill", "stop", "d-0")
    assert (code, "No drill d-0 is running." in err) == (1, True)


def test_list(capsys: pytest.CaptureFixture[str], router: Router) -> None:
    router.answer = EVERYTHING
    code, out, _ = run(capsys, "drill", "list")
    assert code == 0
    lines = out.splitlines()
    assert lines[:3] == [
        "active",
        "ID      WHAT                  FOR  UNTIL (UTC)          BY           NAME",
        "d-3f2a  region eu errors:30%  10m  2026-11-24 11:51:15  ann, forced",
    ]
    assert "nightly  pool p down  10m  0 3 * * *  2026-11-25 03:00:00" in lines
    past = [line for line in lines if line.endswith("stopped by bob")]
    assert len(past) == 10  # the newest
    code, out, _ = run(capsys, "drill", "list", "--json")
    assert (code, json.loads(out)) == (0, EVERYTHING)
    router.answer = {"active": [], "scheduled": [], "past": []}
    assert run(capsys, "drill", "list")[1] == "no drill is running, and none is scheduled\n"


def test_nobody_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "k")
    code, out, err = run(capsys, "drill", "list", "--url", "http://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert "http://127.0.0.1:1 does not answer" in err
