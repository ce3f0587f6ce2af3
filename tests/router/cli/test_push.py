"""`router push`: what it asks, what it refuses, what it waits for, and how it ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from router.cli.main import main
from router.dev.loopback import free_port
from router.edge.isolate.keys import POLICY_KEY
from router.publishing.base import Base
from tests.router.drill.standin import StandIn
from tests.router.publishing.making import FakeKv, digest, failing, text
from tests.support.cli import run

Capture = pytest.CaptureFixture[str]
Push = Callable[..., tuple[int, str, str]]


@pytest.fixture
def push(kv: FakeKv, tmp_path: Path, capsys: Capture) -> Push:
    def push(name: str, *more: str) -> tuple[int, str, str]:
        path = tmp_path / "routes.yaml"
        path.write_bytes(text(name))
        return run(capsys, "push", str(path), *more)

    return push


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "")


@pytest.mark.usefixtures("no_key")
def test_a_push_tells_what_it_does(push: Push, kv: FakeKv, base: Base) -> None:
    code, out, err = push("one", "--note", "first")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("valid ")
    assert lines[1] == "nothing was published before"
    assert lines[2:6] == [f"writing {key}" for key in kv.writes]
    assert lines[6] == f"pushed to KV of the test: read back, {len(text('one'))} bytes"
    assert lines[7].startswith("not waited for a router: ROUTER_ADMIN_KEY is not set")
    assert base.read() == digest("one")
    _, out, _ = push("two")
    assert "--- published\n+++ new\n" in out
    assert push("two")[1].splitlines()[1].startswith(f"no difference: {digest('two')[:12]} is live")


@pytest.mark.usefixtures("no_key")
def test_json(push: Push, kv: FakeKv) -> None:
    code, out, err = push("one", "--json")
    told = json.loads(out)
    assert (code, told["result"], told["digest"]) == (0, "pushed", digest("one"))
    assert told["history"] == kv.writes[0]
    assert told["edge"]["waited"] is False
    assert "writing policy" in err
    kv.before = failing(at=0)
    code, out, err = push("two", "--json")
    assert (code, json.loads(out)["result"]) == (1, "failed")
    assert "router: cannot write policy/history/" in err


def test_json_of_a_policy_that_is_not_valid(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("broken: [")
    code, out, err = run(capsys, "push", str(file), "--json")
    message = f"{file} is not valid (1 finding)"
    told = json.loads(out)
    [finding] = told.pop("findings")
    assert (finding["code"], finding["line"]) == ("yaml-syntax", 1)
    assert (code, told) == (
        1,
        {
            "result": "failed",
            "message": message,
            "error": message,
            "where": str(file),
            "hint": None,
        },
    )
    assert message in err


@pytest.mark.usefixtures("no_key")
@pytest.mark.parametrize(
    ("answer", "yes", "code"),
    [
        ("y\n", [], 0),
        ("YES\n", [], 0),
        ("n\n", [], 1),
        ("\n", [], 1),
        (None, [], 1),
        (None, ["--yes"], 0),
    ],
)
def test_at_a_terminal_somebody_is_asked(
    push: Push,
    kv: FakeKv,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    yes: list[str],
    code: int,
) -> None:
    def answered() -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answered)
    told = push("one", *yes)
    assert told[0] == code
    assert (kv.values.get(POLICY_KEY) is not None) == (code == 0)
    question = f"Publish {digest('one')[:12]} to KV of the test? [y/N]"
    assert (question in told[2]) == (not yes)
    assert ("nothing was written" in told[2]) == (code == 1)


def commit(folder: Path, name: str) -> None:
    """That policy, as the next version of `routes.yaml`."""
    (folder / "routes.yaml").write_bytes(text(name))
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for args in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", name]):
        subprocess.run(["git", "-C", str(folder), *args], check=True)


@pytest.mark.usefixtures("no_key")
def test_any_version_that_git_has_is_a_base(
    push: Push, kv: FakeKv, base: Base, tmp_path: Path, capsys: Capture
) -> None:
    push("one")
    base.path.unlink()  # a fresh clone
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("one", "two", "three"):  # of two nobody was told: its pipeline has failed
        commit(folder, name)
    file = str(folder / "routes.yaml")
    assert main(["push", file, "--base", "git"]) == 0
    assert kv.values[POLICY_KEY] == text("three")
    push("four", "--force")  # by hand, past the repository
    base.path.unlink()
    commit(folder, "five")
    assert main(["push", file, "--base", "git"]) == 1
    assert "git has no such version" in capsys.readouterr().err
    assert kv.values[POLICY_KEY] == text("four")
    assert main(["push", file, "--base", "git", "--force"]) == 0


@pytest.mark.usefixtures("no_key")
def test_git_is_no_base_without_a_repository(push: Push, tmp_path: Path, capsys: Capture) -> None:
    push("one")
    (tmp_path / "routes.yaml").write_bytes(text("two"))
    assert main(["push", str(tmp_path / "routes.yaml"), "--base", "git"]) == 2
    assert "is not in a git repository" in capsys.readouterr().err


@pytest.mark.usefixtures("no_key")
def test_a_base_as_continuous_integration_gives_it(
    push: Push, kv: FakeKv, base: Base, tmp_path: Path
) -> None:
    push("one")
    base.path.unlink()  # a fresh clone
    former = tmp_path / "former.yaml"
    former.write_bytes(text("zero"))
    code, _, err = push("two", "--base", str(former))
    assert code == 1
    assert f"refused: live is {digest('one')[:12]}" in err
    assert push("two", "--base", digest("zero"))[0] == 1
    assert kv.values[POLICY_KEY] == text("one")
    former.write_bytes(text("one"))
    assert push("two", "--base", str(former))[0] == 0
    assert push("three", "--base", digest("two")[:8])[0] == 0
    assert push("four", "--base", digest("zero"), "--force")[0] == 0


@pytest.mark.usefixtures("no_key")
def test_a_note_that_does_not_fit_is_refused(push: Push, kv: FakeKv) -> None:
    code, _, err = push("one", "--note", "ü" * 500)
    assert code == 2
    assert "the note is too long by" in err
    assert kv.writes == []


@pytest.mark.parametrize(
    "more",
    [
        ("--wait", "soon"),
        ("--wait", "0s"),
        ("--wait", "5s", "--no-wait"),
        ("--remote", "--wait", "5s"),
        ("--base", "no-such-file"),
        ("--url", "ftp://router"),
    ],
    ids=" ".join,
)
def test_wrong_use(push: Push, kv: FakeKv, more: tuple[str, ...]) -> None:
    code, _, err = push("one", *more)
    assert (code, kv.writes) == (2, [])
    assert err


def test_it_waits_until_the_router_serves_it(push: Push, waited_for: StandIn) -> None:
    waited_for.digest = digest("one")
    code, out, _ = push("one", "--url", waited_for.url)
    assert code == 0
    assert f"waiting for {waited_for.url} to serve {digest('one')[:12]}\n" in out
    assert f"serves {digest('one')[:12]} at {waited_for.url}\n" in out
    assert "waiting" not in push("two", "--url", waited_for.url, "--no-wait")[1]


def test_a_router_that_does_not_take_it(push: Push, kv: FakeKv, waited_for: StandIn) -> None:
    code, out, err = push("one", "--url", waited_for.url, "--wait", "100ms", "--json")
    assert code == 1
    assert "serves abababababab after 0.1 s. Nothing is rolled back" in err
    assert json.loads(out)["result"] == "late"
    assert kv.values[POLICY_KEY] == text("one")


def test_without_a_terminal_a_long_wait_tells_of_itself(
    push: Push, waited_for: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.terminal.reporter.TELL_EVERY_S", 0.05)
    _, out, _ = push("one", "--url", waited_for.url, "--wait", "200ms")
    told = [line for line in out.splitlines() if line.endswith(" left")]
    assert told
    assert told[0].startswith(f"{waited_for.url} serves abababababab, ")


def test_a_router_that_is_spoilt(push: Push, kv: FakeKv, waited_for: StandIn) -> None:
    waited_for.digest = digest("one")
    push("one", "--url", waited_for.url)
    kv.after = lambda key: spoil(waited_for) if key == POLICY_KEY else None
    code, _, err = push("two", "--url", waited_for.url)
    assert code == 1
    assert f"rolled back to {digest('one')[:12]}, and the router serves it again" in err
    assert kv.values[POLICY_KEY] == text("one")


def spoil(router: StandIn) -> None:
    """It refuses the policy that has just come, and is well again when that is gone."""
    is_first = router.rejected is None and router.state == "ok"
    router.state = "degraded" if is_first else "ok"
    router.rejected = {"digest": digest("two"), "findings": []} if is_first else None


@pytest.mark.parametrize("reason", ["nobody", "no key", "no router"])
def test_without_a_router_to_wait_for(
    push: Push,
    kv: FakeKv,
    waited_for: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    url = waited_for.url
    if reason == "nobody":
        url = f"http://127.0.0.1:{free_port()}"
    elif reason == "no key":
        monkeypatch.setenv("ROUTER_ADMIN_KEY", "")
    else:
        monkeypatch.setenv("ROUTER_ADMIN_KEY", "of-another")
    code, _, err = push("one", "--url", url, "--wait", "5s")
    assert (code, kv.writes) == (1, [])
    assert err.endswith("; nothing was written\n")
    code, out, _ = push("one", "--url", url)
    assert code == 0
    assert "\nnot waited for a router: " in out


def interrupt(at: str) -> Callable[[str], None]:
    def before(key: str) -> None:
        if key.startswith(at):
            raise KeyboardInterrupt

    return before


@pytest.mark.usefixtures("no_key")
@pytest.mark.parametrize("at", ["policy/history/", "policy/compiled/", "policy/last-good"])
def test_interrupted_before_the_last_write(push: Push, kv: FakeKv, at: str) -> None:
    push("one")
    kv.before = interrupt(at)
    code, _, err = push("two")
    assert code == 130
    assert "interrupted: the live policy is unchanged, or it is the complete new one" in err
    assert kv.values[POLICY_KEY] == text("one")


def test_interrupted_while_waiting(
    push: Push, kv: FakeKv, waited_for: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("router.publishing.edge.time.sleep", sleep)
    code, _, err = push("one", "--url", waited_for.url)
    assert code == 130
    assert "the policy is live in KV" in err
    assert kv.values[POLICY_KEY] == text("one")
