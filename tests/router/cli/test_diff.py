"""`router diff`: what it compares, what it says, and its exit codes: 0, 2, and 1 for trouble."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policies.language.load import digest_of
from router.api.client import Refused
from router.cli.live import Live
from tests.support.cli import BROKEN, EXAMPLE, run

BEFORE = Path(EXAMPLE).read_text()
AFTER = BEFORE.replace("production: 95", "production: 80").replace("canary: 5", "canary: 20")
KEY = {"x-api-key": "example-core-key"}
RESPELT = BEFORE.replace("request: 30s", "request: 30000ms").replace("# ", "#  ")


@pytest.fixture
def after(tmp_path: Path) -> str:
    path = tmp_path / "after.yaml"
    path.write_text(AFTER)
    return str(path)


def live(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    found = Live(None if text is None else text.encode(), "the KV of this test")
    monkeypatch.setattr("router.cli.diff.live_policy", lambda args: found)


def test_two_files(capsys: pytest.CaptureFixture[str], after: str) -> None:
    code, out, _ = run(capsys, "diff", after, EXAMPLE)
    assert code == 2
    lines = out.splitlines()
    assert lines[0] == f"--- {EXAMPLE}, digest {digest_of(BEFORE.encode())[:12]}"
    assert lines[1] == f"+++ {after}, digest {digest_of(AFTER.encode())[:12]}"
    assert "~ route agents: pool canary gets 20% of the requests, not 5%" in lines
    assert "~ route execute: pool canary gets 20% of the requests, not 5%" in lines
    assert "6 differences: 6 changed" in lines
    assert "of the 2,800 requests generated for 7 routes are handled differently" in out
    for route in ("agents ", "workers ", "execute "):
        assert any(line.startswith(route) and " → canary " in line for line in lines)


def test_json(capsys: pytest.CaptureFixture[str], after: str) -> None:
    code, out, _ = run(capsys, "diff", after, EXAMPLE, "--json", "--sample", "1000")
    told = json.loads(out)
    assert (code, told["same"]) == (2, False)
    assert told["digests"] == {
        "before": digest_of(BEFORE.encode()),
        "after": digest_of(AFTER.encode()),
    }
    assert told["changes"][1] == {
        "path": "routes.agents.split.canary",
        "kind": "changed",
        "before": "5%",
        "after": "20%",
        "text": "route agents: pool canary gets 20% of the requests, not 5%",
    }
    assert told["traffic"]["basis"] == "sample"
    assert told["traffic"]["requests"] == 7_000
    assert told["traffic"]["by"]["route"] == 0
    (agents,) = [each for each in told["traffic"]["routes"] if each["route"] == "agents"]
    assert agents["by"]["pool"] == pytest.approx(0.15, abs=0.03)


def test_only_here_and_only_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    live(monkeypatch, BEFORE.replace("name: preview", "name: other").replace("x-preview", "x-o"))
    code, out, _ = run(capsys, "diff", after)
    assert code == 2
    where = 'path prefix /activations, header {0} "1", path prefix /execute, header {0} "1"'
    assert f"- route other is gone: {where.format('x-o')}, split canary 100%, auth\n" in out
    assert f"+ route preview is new: {where.format('x-preview')}, split canary 100%, auth\n" in out
    assert f"1 only in {after}, 1 only in the KV of this test" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [(BEFORE, "no difference\n"), (RESPELT, "no difference; only the formatting differs\n")],
)
def test_no_difference(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    live(monkeypatch, text)
    code, out, _ = run(capsys, "diff", EXAMPLE)
    assert (code, out.endswith(said)) == (0, True)
    code, out, _ = run(capsys, "diff", EXAMPLE, "--json")
    assert (code, json.loads(out)["same"]) == (0, True)


def test_nothing_is_live(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, None)
    code, out, _ = run(capsys, "diff", EXAMPLE)
    assert code == 2
    assert out == f"nothing is published in the KV of this test: all of {EXAMPLE} is new\n"
    code, out, _ = run(capsys, "diff", EXAMPLE, "--json")
    told = json.loads(out)
    assert (code, told["same"], told["digests"]["before"]) == (2, False, None)


def test_what_is_live_is_not_valid(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, BEFORE.replace("split:", "splt:", 1))
    code, out, err = run(capsys, "diff", EXAMPLE)
    assert code == 2
    assert "the KV of this test holds no valid policy" in out
    assert "error unknown-field routes[0].splt" in err
    assert "-    splt: &split\n+    split: &split\n" in out
    code, out, _ = run(capsys, "diff", EXAMPLE, "--json")
    told = json.loads(out)
    assert code == 2
    assert "route-without-action" in [each["code"] for each in told["findings"]]


def test_the_file_is_not_valid(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(BROKEN)
    code, out, err = run(capsys, "diff", str(broken), EXAMPLE)
    assert (code, out) == (1, "")
    assert "is not valid (2 findings)" in err


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["no-such-file.yaml", EXAMPLE],
        [EXAMPLE, "no-such-file.yaml"],
        [EXAMPLE, EXAMPLE, "--local"],
        [EXAMPLE, EXAMPLE, "--persist-to", "/tmp"],
        [EXAMPLE, "--local", "--remote"],
        [EXAMPLE, "--url", "nowhere"],
        [EXAMPLE, EXAMPLE, "--sample", "0"],
        [EXAMPLE, EXAMPLE, "--sample", "ten"],
        [EXAMPLE, EXAMPLE, "--sample", "5", "--log", "x"],
        ["-", "-"],
        [EXAMPLE, EXAMPLE, "--nothing"],
    ],
    ids=" ".join,
)
def test_trouble_is_exit_code_1(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    code, out, err = run(capsys, "diff", *args)
    assert (code, out) == (1, "")
    assert err


def test_help_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "diff", "--help")
    assert code == 0
    assert "OTHER" in out


def test_a_log(capsys: pytest.CaptureFixture[str], after: str, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    lines = [
        {"url": "https://h.test/execute", "headers": {"x-worker-id": f"user-{number}", **KEY}}
        for number in range(200)
    ]
    log.write_text("\n".join(json.dumps(line) for line in lines))
    code, out, _ = run(capsys, "diff", after, EXAMPLE, "--log", str(log), "--json")
    traffic = json.loads(out)["traffic"]
    assert (code, traffic["basis"], traffic["requests"]) == (2, "log", 200)
    assert traffic["changed"]["low"] < 0.15 < traffic["changed"]["high"]
    assert traffic["examples"][0]["client"].startswith("user-")
    code, out, _ = run(capsys, "diff", after, EXAMPLE, "--log", str(log))
    assert "of the requests of the log (200) are handled differently" in out
    log.write_text(log.read_text() + '\n{"url": 7}\n')
    code, out, err = run(capsys, "diff", after, EXAMPLE, "--log", str(log))
    assert (code, out) == (1, "")
    assert f"{log}:201: `url` is not an absolute http or https URL" in err


class Router:
    """Answers as it is told."""

    answer: Any = None

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, page: str) -> Any:
        assert page == "policy"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_running_router(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    router = Router()
    monkeypatch.setattr("router.cli.live.client_of", lambda url, env: router)
    asked = ("diff", EXAMPLE, "--url", "http://localhost:1")
    router.answer = {"digest": "…", "source": "kv", "text": BEFORE}
    assert run(capsys, *asked)[0] == 0
    router.answer = Refused("…", 404, {"code": "not-found"})
    code, out, _ = run(capsys, *asked)
    assert (code, "nothing is published in http://localhost:1" in out) == (2, True)
    router.answer = Refused("it does not know the key", 401, {"code": "unauthorized"})
    code, _, err = run(capsys, *asked)
    assert (code, "it does not know the key" in err) == (1, True)
