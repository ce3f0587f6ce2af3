"""`router init`: what it asks, writes and tells, and where it refuses."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from router.cli import init_asking
from tests.support.cli import run
from tests.support.project import write_workers

WRITTEN = [
    *("routes.yaml", "routes.test.yaml", "wrangler.toml", "router.toml", ".dev.vars"),
    *(".github/workflows/router.yml", ".gitignore"),
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two Workers, and an empty folder beside them, which the user stands in."""
    router = write_workers(tmp_path / "shop")
    router.mkdir()
    monkeypatch.chdir(router)
    return router.parent


def services(folder: Path, name: str = "wrangler.toml") -> list[tuple[str, str]]:
    told = tomllib.loads((folder / name).read_text())
    return [(each["binding"], each["service"]) for each in told["services"]]


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_of_workers(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "init", "--worker", "../api", "--worker", "../api-next", "--yes")
    assert (code, err) == (0, "")
    assert files_in(shop / "router") == set(WRITTEN)
    assert services(shop / "router") == [("PRODUCTION", "shop-api"), ("CANARY", "shop-api-next")]
    assert 'workers = ["../api", "../api-next"]' in (shop / "router" / "router.toml").read_text()
    assert "production  shop-api, JavaScript in ../api\n" in out
    assert "canary      shop-api-next, Python in ../api-next\n" in out
    assert [line.split("  ")[1] for line in out.splitlines()[-3:]] == [
        *("router dev", "router test routes.yaml", "router deploy --dry-run"),
    ]
    assert run(capsys, "validate", "routes.yaml", "--strict")[0] == 0
    assert run(capsys, "test", "routes.yaml")[0] == 0
    code, out, err = run(capsys, "stage")
    assert (code, err.count("\n")) == (1, 1)
    assert "id of POLICIES is only zeros: `npx wrangler kv namespace create POLICIES`" in err


def test_of_names_in_another_folder_as_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--variant", "production=api@eu", "--variant", "production=api-us@us", "--jsonc")
    code, out, err = run(
        capsys, "init", "edge", *asked, "--json", "--name", "gate", "--no-workflow"
    )
    assert code == 0
    told = json.loads(out)
    assert (told["name"], told["folder"]) == ("gate", str(shop / "router" / "edge"))
    assert told["files"] == [
        *("routes.yaml", "routes.test.yaml", "wrangler.jsonc", "router.toml", ".dev.vars"),
        ".gitignore",
    ]
    assert told["variants"][1] == {
        "variant": "production-us",
        "pool": "production",
        "binding": "PRODUCTION_US",
        "service": "api-us",
        "region": "us",
        "worker": None,
    }
    assert told["next"][0] == "cd edge && router dev"
    assert "the echo Worker stands in (region us)" in err


class Terminal:
    """Standard input with someone at it, who gives these answers."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers: Iterator[str] = iter(answers)

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return next(self._answers)


ASKED = {
    "Enter takes what is found": (
        ["\n", "\n"],
        [("PRODUCTION", "shop-api"), ("CANARY", "shop-api-next")],
    ),
    "the end of the input": (["", ""], [("PRODUCTION", "shop-api"), ("CANARY", "shop-api-next")]),
    "a number, and none": (["2\n", "none\n"], [("PRODUCTION", "shop-api-next")]),
    "a folder and a name": (
        ["../api\n", "far-away\n"],
        [("PRODUCTION", "shop-api"), ("CANARY", "far-away")],
    ),
    "a second try": (["../apo\n", "A b\n", "shop-api\n", "none\n"], [("PRODUCTION", "shop-api")]),
}


@pytest.mark.parametrize(("answers", "bound"), ASKED.values(), ids=ASKED.keys())
def test_questions(
    answers: list[str],
    bound: list[tuple[str, str]],
    shop: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answers))
    code, out, err = run(capsys, "init")
    assert code == 0
    assert "  1  shop-api, JavaScript in ../api\n  2  shop-api-next, Python in ../api-next\n" in out
    assert services(shop / "router") == bound
    assert err.count("router: ") == len(answers) - 2


def test_after_three_wrong_answers_nothing_is_written(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(["?\n"] * init_asking.MOST_TRIES))
    code, _, err = run(capsys, "init")
    assert code == 1
    assert "give --worker FOLDER or --variant NAME=SERVICE" in err
    assert files_in(shop / "router") == set()


def test_nobody_is_asked_without_a_terminal(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "init")[0] == 0
    assert services(shop / "router") == [("PRODUCTION", "shop-api"), ("CANARY", "shop-api-next")]


def test_without_any_worker_there_is_echo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    code, out, _ = run(capsys, "init", "--yes")
    assert code == 0
    assert "production  api, not on this machine: the echo Worker stands in" in out
    assert services(folder) == [("PRODUCTION", "api")]


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("production=api-eu@eu", "api-router"),
        ("production=my_api", "my-api-router"),
        ("production=" + "a" * 63, "a" * 56 + "-router"),
    ],
)
def test_its_own_name(
    variant: str, name: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "init", "--variant", variant)[0] == 0
    assert tomllib.loads((shop / "router" / "wrangler.toml").read_text())["name"] == name


def test_a_second_time(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "init")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*")}
    code, _, err = run(capsys, "init", "--worker", "../api")
    assert code == 1
    assert "is a router project already: run `router dev` there" in err
    assert {path: path.stat().st_mtime_ns for path in shop.rglob("*")} == before


REFUSED = {
    "another Worker's folder": (
        ["../api"],
        "is another Worker's: run `router init router --worker .` for",
    ),
    "a file": (["../api/wrangler.jsonc"], "../api/wrangler.jsonc is no folder"),
    "no Worker": (["--worker", "../api/src"], "there is no wrangler configuration: write a folder"),
    "nothing": (["--worker", "../apo"], "there is nothing: write a folder with a wrangler.toml"),
    "no variant": (["--variant", "api"], "--variant api: write VARIANT=SERVICE[@REGION]"),
    "a name": (
        ["--variant", "a=b", "--name", "Räuter"],
        "write lower-case letters, digits and `-`",
    ),
    "its own name": (
        ["--variant", "a=b", "--name", "b"],
        "b is a Worker behind the router: give the",
    ),
}


@pytest.mark.parametrize(("args", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(
    args: list[str], told: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_in(shop)
    code, out, err = run(capsys, "init", *args)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert told in err
    assert files_in(shop) == before


def test_a_router_is_no_worker(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "init")[0] == 0
    code, _, err = run(capsys, "init", "../other", "--worker", ".")
    assert (code, err.count("\n")) == (1, 1)
    assert "this is a router: write the folder of a Worker to stand behind one" in err


def test_home_is_no_project(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(shop / "router"))
    code, _, err = run(capsys, "init", "--yes")
    assert (code, files_in(shop / "router")) == (1, set())
    assert "is your home folder: run `router init router` for a folder of its own" in err
