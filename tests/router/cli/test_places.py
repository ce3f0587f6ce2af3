"""Commands that read KV, before anything is built: the package is new, or another version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.dev import kit, npm
from router.dev.errors import SetupError
from router.dev.kit import CACHE, Kit
from router.dev.loopback import free_port
from tests.support.cli import run
from tests.support.project import write_project

WHY = "npm install failed: there is no network"
READING = {
    "history": (),
    "pull": (),
    "rollback": (),
    "push": ("routes.yaml",),
    "diff": ("routes.yaml",),
    "upgrade": ("--local",),
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders in which npm was run, which fails; in a project with state of an earlier run."""
    project = write_project(tmp_path)
    (project / ".wrangler" / "state").mkdir(parents=True)
    packages = tmp_path / "package.json"
    packages.write_text(json.dumps({"dependencies": {"wrangler": "1.2.3"}}))
    monkeypatch.setattr(kit, "SOURCES", tmp_path)
    monkeypatch.setattr(Kit, "package_json", packages)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.chdir(project)
    seen: list[Path] = []

    def install(kit: Kit, folder: Path, *args: Any) -> None:
        seen.append(folder)
        raise SetupError(WHY)

    monkeypatch.setattr(npm, "run_npm", install)
    return seen


@pytest.mark.parametrize("verb", READING)
def test_it_is_built_first_and_told_on_standard_error(
    verb: str, asked: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, verb, *READING[verb], "--json")
    assert code == 1
    assert json.loads(out)["error"] == WHY  # and nothing else is there
    assert "npm         packages: wrangler" in err
    assert len(asked) == 1


def test_a_project_that_has_run_before_runs_after_an_upgrade(
    asked: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "dev", "--port", str(free_port()))
    assert (code, err) == (1, f"router: {WHY}\n")
    assert len(asked) == 1
