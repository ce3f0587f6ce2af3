"""Commands that read the KV at Cloudflare, before anything is built: the package is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.dev import kit, npm
from router.dev.errors import SetupError
from router.dev.kit import CACHE, Kit
from tests.support.cli import run
from tests.support.project import write_project

WHY = "npm install failed: there is no network"
READING = {
    "history": (),
    "pull": (),
    "rollback": (),
    "push": ("routes.yaml",),
    "diff": ("routes.yaml",),
    "upgrade": (),
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders in which npm was run, which fails."""
    project = write_project(tmp_path)
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
    code, out, err = run(capsys, verb, *READING[verb], "--remote", "--json")
    assert code == 1
    assert json.loads(out)["error"] == WHY  # and nothing else is there
    assert "npm         packages: wrangler" in err
    assert len(asked) == 1
