"""Errors with `--json`: one object on standard output, the line for people on standard error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from errno import EMFILE, EROFS
from pathlib import Path
from typing import Any

import pytest

from router.cli.main import VERBS, parser
from tests.support.cli import BROKEN, EXAMPLE, ROOT, run

# Verbs that print nothing that a program would read; `schema` prints JSON anyway.
WITHOUT_JSON = ("schema", "completion", "dev", "stage")
NEVER = "http://127.0.0.1:9"  # nothing listens there


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "a-key")
    return tmp_path


def failed(capsys: pytest.CaptureFixture[str], code: int, *args: str) -> dict[str, Any]:
    came, out, err = run(capsys, *args, "--json")
    told: dict[str, Any] = json.loads(out)
    assert came == code
    assert out.count("\n") == 1
    text = f"{told['error']}: {told['hint']}" if told["hint"] else told["error"]
    assert err.endswith(f"router: {text}\n")
    plain, out, again = run(capsys, *args)
    assert (plain, out, again) == (code, "", err)
    return told


def leaves(found: ArgumentParser) -> Iterator[ArgumentParser]:
    """The parsers that have no sub-verbs."""
    inner = [each.choices for each in found._actions if isinstance(each.choices, dict)]
    parsers = [each for choices in inner for each in choices.values()]
    parsers = [each for each in parsers if isinstance(each, ArgumentParser)]
    if not parsers:
        yield found
    for each in parsers:
        yield from leaves(each)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_prints_results_has_json(verb: str) -> None:
    for each in leaves(parser(verb)):
        assert ("--json" in each.format_help()) == (verb not in WITHOUT_JSON), each.prog


def test_a_file_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    told = failed(capsys, 2, "validate", "none.yaml")
    assert told == {
        "error": "cannot read none.yaml: No such file or directory",
        "where": "none.yaml",
        "hint": None,
    }
    assert failed(capsys, 1, "diff", "none.yaml", "b.yaml")["where"] == "none.yaml"


def test_a_policy_that_is_not_valid_has_its_findings(
    capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    (elsewhere / "broken.yaml").write_text(BROKEN)
    found = json.loads(run(capsys, "validate", "broken.yaml", "--json")[1])["findings"]
    told = failed(capsys, 1, "explain", "broken.yaml", "--url", "http://a.test/")
    assert (told["where"], told["findings"]) == ("broken.yaml", found)
    (elsewhere / "broken.test.yaml").write_text("cases: 1\n")
    told = failed(capsys, 1, "test", EXAMPLE, "--cases", "broken.test.yaml")
    assert (told["where"], bool(told["findings"])) == ("broken.test.yaml", True)


def test_no_project(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    for verb in ("history", "pull", "deploy"):
        told = failed(capsys, 1, verb)
        assert told == {
            "error": "no router project here",
            "where": str(elsewhere),
            "hint": "run `router init`, or go to a folder with one",
        }


@pytest.mark.parametrize(
    "args", [["status"], ["rollout", "status"], ["drill", "list"], ["diff", EXAMPLE]]
)
def test_no_router(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    told = failed(capsys, 1, *args, "--url", NEVER)
    assert told["where"] == NEVER
    assert "does not answer" in told["error"]


def test_no_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUTER_ADMIN_KEY")
    told = failed(capsys, 1, "status")
    assert told["where"] == "ROUTER_ADMIN_KEY"
    assert told["hint"].startswith("set it to the admin secret")


def test_a_variant_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("explain", EXAMPLE, "--url", "http://a.test/", "--down")
    told = failed(capsys, 2, *asked, "canry")
    assert "no variant `canry`; did you mean `canary`?" in told["error"]
    assert "known: production-eu" in failed(capsys, 2, *asked, "nobody")["error"]


SYSTEM = {
    "that names a file": (OSError(EROFS, "Read-only file system", "a.yaml"), "cannot use a.yaml: "),
    "that names none": (OSError(EMFILE, "Too many open files"), "Too many open files"),
    "about many files": (shutil.Error([("a", "b", "why\nso")] * 99), "[('a', 'b', 'why\\nso'), "),
    "that says nothing": (OSError(), "OSError"),
}


@pytest.mark.parametrize(("error", "told"), SYSTEM.values(), ids=SYSTEM.keys())
def test_an_error_of_the_system(
    error: OSError, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> int:
        raise error

    monkeypatch.setattr("router.cli.validate.run", fail)
    found = failed(capsys, 1, "validate", "a.yaml")
    assert found["error"].startswith(told)
    assert len(found["error"]) <= 300
    assert found["where"] == error.filename


def test_a_reader_of_the_error_that_is_gone() -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [sys.executable, "-m", "router.start", "validate", "none.yaml", "--json"]
    done = subprocess.run(
        command, stdout=ours, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False
    )
    os.close(ours)
    assert done.returncode == 1
    assert done.stderr == "router: cannot read none.yaml: No such file or directory\n"
