"""`router deploy`: wrangler's exit code, and its output without what nobody reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from router.dev import upload
from router.dev.layout import Layout
from tests.support.cli import run
from tests.support.project import write_project

SAID = """\
[custom build] Running: router stage
Attaching additional modules:
┌─────┐
│ a.py │
└─────┘
Total Upload: 1 KiB / gzip: 1 KiB
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What wrangler is asked; it says SAID, the environment it is told, and ends with 3."""
    seen: list[Sequence[str]] = []

    def command(layout: Layout, args: Sequence[str]) -> list[str]:
        seen.append(args)
        return ["sh", "-c", f"cat <<'E'\n{SAID}E\necho env $ROUTER_ENV; exit 3"]

    monkeypatch.setattr(upload, "command", command)
    monkeypatch.delenv("ROUTER_ENV", raising=False)
    monkeypatch.chdir(write_project(tmp_path))
    return seen


def test_the_exit_code_is_wranglers(
    asked: list[Sequence[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capfd, "deploy")
    assert code == 3
    assert out.splitlines()[-2:] == ["Total Upload: 1 KiB / gzip: 1 KiB", "env"]
    assert "a.py" not in out
    assert asked == [["deploy", "--config", str(Path("wrangler.toml").resolve()), "--env="]]


def test_a_namespace_without_an_id_does_not_spoil_a_deployment(
    asked: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """wrangler makes one."""
    config = Path("wrangler.toml")
    text = re.sub(r'(?m)^id = "\w+"\n', "", config.read_text())
    assert text != config.read_text()
    config.write_text(text)
    monkeypatch.setattr(upload, "command", lambda *_: ["true"])
    code, _, err = run(capfd, "deploy")
    assert (code, err.count("\n")) == (0, 1)
    assert "warning deployed; wrangler.toml has no id for the KV namespace POLICIES: write" in err


def test_the_environment_is_told(
    asked: list[Sequence[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    config = Path("wrangler.toml")
    same = config.read_text().partition("[[kv_namespaces]]")[2]
    own = f"[[kv_namespaces]]{same}".replace("[[", "[[env.staging.")
    config.write_text(config.read_text() + own.replace("[[env.staging.migrations", "[[skip"))
    code, out, _ = run(capfd, "deploy", "--env", "staging")
    assert (code, out.splitlines()[-1]) == (3, "env staging")
    assert asked[0][-1] == "--env=staging"
