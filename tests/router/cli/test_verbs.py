"""The command line: exit codes, findings, explanations; nobody ever sees a stack trace."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policies.language.tooling.schema import schema
from router.cli.main import VERBS, parser
from tests.support.cli import BROKEN, EXAMPLE, ROOT, run


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return str(path)


def test_validate_a_valid_policy(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "validate", EXAMPLE)
    assert code == 0
    assert out.startswith("valid ")
    code, out, _ = run(capsys, "validate", EXAMPLE, "--json")
    told = json.loads(out)
    assert (code, told["valid"], told["findings"]) == (0, True, [])
    assert len(told["digest"]) == 64


def test_validate_tells_all_findings(capsys: pytest.CaptureFixture[str], broken: str) -> None:
    code, out, _ = run(capsys, "validate", broken)
    assert code == 1
    assert f"{broken}:3:34 error unknown-field variants.one.regoin" in out
    assert "hint: did you mean `region`?" in out
    assert f"{broken}:6:13 error unknown-pool routes[0].split.onw" in out
    assert "2 findings" in out


def test_validate_as_json(capsys: pytest.CaptureFixture[str], broken: str) -> None:
    code, out, _ = run(capsys, "validate", broken, "--json")
    assert code == 1
    told = json.loads(out)
    assert told["valid"] is False
    assert told["findings"][0] == {
        "code": "unknown-field",
        "path": "variants.one.regoin",
        "line": 3,
        "column": 34,
        "message": "there is no field `regoin` here",
        "hint": "did you mean `region`?",
        "severity": "error",
    }


def test_validate_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(Path(EXAMPLE).read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    assert run(capsys, "validate", "-")[0] == 0


@pytest.mark.parametrize(
    "args",
    [
        ["validate"],
        ["validate", "no-such-file.yaml"],
        ["validate", str(ROOT)],
        ["validate", EXAMPLE, "--jsn"],
        ["validate", EXAMPLE, "--jso"],
        ["frobnicate"],
        [],
        ["explain", EXAMPLE],
        ["explain", EXAMPLE, "--url", "not a url"],
        ["explain", EXAMPLE, "--url", "ftp://h/"],
        ["explain", EXAMPLE, "--url", "http://"],
        ["explain", EXAMPLE, "--url", "http://h/", "-H", "no colon"],
        ["explain", EXAMPLE, "--url", "http://h/", "--down", "nobody"],
        ["push"],
        ["push", "no-such-file.yaml"],
        ["push", EXAMPLE, "--local", "--remote"],
        ["dev", "--port", "none"],
        ["dev", "--port", "99999"],
        ["dev", "--policy", "no-such-file.yaml"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    code, _, err = run(capsys, *args)
    assert code == 2
    assert err


def test_an_invalid_policy_is_not_explained_pushed_or_served(
    capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    for args in (
        ["explain", broken, "--url", "http://h/"],
        ["push", broken],
        ["dev", "--policy", broken],
    ):
        code, out, err = run(capsys, *args)
        assert code == 1
        assert out == ""
        assert "unknown-field" in err
        assert "is not valid (2 findings)" in err


def explained(
    capsys: pytest.CaptureFixture[str], *args: str, policy: str = EXAMPLE
) -> dict[str, Any]:
    code, out, _ = run(capsys, "explain", policy, *args, "--json")
    assert code == 0
    told: dict[str, Any] = json.loads(out)
    return told


def test_explain_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(
        capsys,
        *("--url", "https://api.example.com/execute?x=1", "--method", "POST"),
        *("-H", "X-Worker-Id: w7", "-H", "accept: a", "-H", "Accept: b"),
        *("-H", "Authorization: Bearer example-core-key"),
        *("--country", "FR", "--continent", "EU", "--ip", "9.9.9.9"),
    )
    wanted = {"status", "route", "pool", "variant", "candidates", "key_id", "forwarded"}
    assert wanted | {"answer", "response_headers", "mirrors", "steps"} <= set(told)
    assert (told["status"], told["route"], told["variant"]) == (200, "execute", "production-eu")
    assert told["key_id"] == "core"
    assert told["candidates"] == ["production-eu", "production-us", "production-ap"]
    forwarded = told["forwarded"]
    assert (forwarded["method"], forwarded["host"]) == ("POST", "api.example.com")
    assert (forwarded["path"], forwarded["query"]) == ("/execute", "x=1")
    assert forwarded["headers"]["accept"] == "a, b"
    assert forwarded["headers"]["x-forwarded-for"] == "9.9.9.9"
    assert told["response_headers"]["set"]["x-router-variant"] == "production-eu"
    assert told["answer"] is None
    steps = [step["step"] for step in told["steps"]]
    assert steps == [
        *("normalise", "match", "limit", "authenticate", "sticky", "split", "region"),
        *("variants", "forward"),
    ]
    assert "authorization" not in forwarded["headers"]


def test_explain_what_fails_over(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--url", "https://h/", "--continent", "EU")
    assert explained(capsys, *asked, "--down", "production-eu")["variant"] == "production-us"
    all_down = [arg for name in ("eu", "us", "ap") for arg in ("--down", f"production-{name}")]
    told = explained(capsys, *asked, *all_down)
    assert told["candidates"] == ["production-eu", "production-us", "production-ap"]
    assert any("no variant is in service" in step["text"] for step in told["steps"])


def test_explain_what_the_router_answers_itself(capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(capsys, "--url", "https://h/v0/x")
    assert (told["status"], told["variant"], told["forwarded"]) == (503, None, None)
    assert told["answer"]["headers"]["retry-after"] == "3600"
    told = explained(capsys, "--url", "https://h/a%5Cb")
    assert (told["status"], told["answer"]["code"]) == (400, "bad-path")


def test_explain_tells_the_cookie_that_is_set(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "cookie.yaml"
    text = Path(EXAMPLE).read_text(encoding="utf-8")
    path.write_text(text.replace("# sticky: [{ cookie: client,", "sticky: [{ cookie: client,"))
    told = explained(capsys, "--url", "https://h/", policy=str(path))
    [value] = [v for name, v in told["response_headers"]["add"] if name == "set-cookie"]
    assert value.startswith("client=")
    assert "; Max-Age=2592000; " in value
    assert value.endswith("; Secure")


def test_nothing_of_a_policy_reaches_the_terminal_raw(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(BROKEN.replace("name: r", r'name: "\e[31mred\n[bold]x"'))
    _, out, _ = run(capsys, "validate", str(path))
    assert r"\x1b[31mred\n[bold]x" in out
    assert "" not in out


def test_explain_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", EXAMPLE, "--url", "https://h/", "--country", "JP")
    assert code == 0
    assert "route default" in out
    assert "forwarded to variant production-us" in out
    long = "https://h/" + "a" * 200
    assert long.removeprefix("https://h") in run(capsys, "explain", EXAMPLE, "--url", long)[1]
    assert "\x1b" not in out


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "schema")
    assert code == 0
    assert json.loads(out) == schema()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, "fiberwise-router 0.1.0\n")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for verb in ("validate", "explain", "import", "push", "schema", "dev"):
        assert f"\n    {verb} " in out


def test_validate_strictly(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    doubtful = tmp_path / "doubtful.yaml"
    doubtful.write_text(Path(EXAMPLE).read_text().replace("[production]", "[]"))
    assert run(capsys, "validate", str(doubtful))[0] == 0
    code, out, _ = run(capsys, "validate", str(doubtful), "--strict")
    assert code == 1
    assert "warning pool-without-fallback pools.canary.fallback" in out
    assert "1 warning, and --strict allows none" in out
    code, out, _ = run(capsys, "validate", str(doubtful), "--strict", "--json")
    assert (code, json.loads(out)["valid"]) == (1, True)
    assert run(capsys, "validate", EXAMPLE, "--strict")[0] == 0


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert out.startswith(f"usage: router {verb} ")
    assert f"    {verb} " in parser().format_help()


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_whoever_reads_may_stop_reading(more: tuple[str, ...]) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [sys.executable, "-m", "router.cli.main", "validate", EXAMPLE, *more]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, stdout=ours, stderr=subprocess.PIPE, cwd=ROOT, env=buffered, check=False
    )
    os.close(ours)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.usefixtures("kv")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["push", EXAMPLE, "--base", ""], "--base : neither 8 or more hex digits nor a file"),
        (["push", EXAMPLE, "--url", ""], " is not the URL of a router"),
        (["push", EXAMPLE, "--remote", "--url", ""], " is not the URL of a router"),
        (["rollback", ""], "`` is not a digest"),
        (["diff", EXAMPLE, ""], "the name of a file is empty"),
        (["diff", EXAMPLE, "--url", ""], " is not the URL of a router"),
        (["test", ""], "the name of a file is empty"),
    ],
)
def test_what_is_given_empty_is_not_ignored(
    capsys: pytest.CaptureFixture[str], command: list[str], told: str
) -> None:
    """As by a variable of the shell that is not set."""
    code, _, err = run(capsys, *command)
    assert (code, told in err) == (1 if command[0] == "diff" else 2, True)


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("validate - <&-", 1, "a policy must be a mapping, but this is empty"),
        (f"validate {EXAMPLE} --json >&-", 0, ""),
        (f"validate {EXAMPLE} --json >/dev/full", 1, "cannot write the whole output: No space"),
        (f"validate {EXAMPLE} >/dev/full", 1, "cannot write the whole output: No space"),
    ],
)
def test_streams_that_are_closed_or_full(command: str, code: int, told: str) -> None:
    shell = f"exec {sys.executable} -m router.cli.main {command}"
    done = subprocess.run(shell, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, told in done.stdout + done.stderr) == (code, True)
    assert "Traceback" not in done.stderr
