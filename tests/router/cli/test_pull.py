"""`router pull`: the policy as a file, and no work lost for it."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from router.dev.layout import MAIN
from router.publishing.base import Base
from tests.router.publishing.making import Clone, FakeKv, digest, text
from tests.support.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def pushed(kv: FakeKv, tmp_path: Path) -> Clone:
    clone = Clone(kv, tmp_path / "ann")
    for name in ("one", "two"):
        clone.push(name)
    return clone


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clone" / "mine.yaml"


@pytest.fixture(autouse=True)
def folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.parent.mkdir()
    (file.parent / "wrangler.toml").write_text(f'main = "{MAIN}"\n')
    (file.parent / "docs").mkdir()
    monkeypatch.chdir(file.parent / "docs")


@pytest.mark.usefixtures("pushed")
def test_what_is_live_becomes_the_clones_policy_and_its_base(
    capsys: Capture, file: Path, base: Base
) -> None:
    code, out, _ = run(capsys, "pull")
    here = file.with_name("routes.yaml")
    assert (code, out) == (0, f"pulled {digest('two')[:12]} to {here}\n")
    assert here.read_bytes() == text("two")
    assert base.read() == digest("two")
    code, out, _ = run(capsys, "pull", str(file), "--json")
    assert json.loads(out) == {
        "result": "pulled",
        "place": "KV of the test",
        "file": str(file),
        "digest": digest("two"),
        "live": True,
    }


@pytest.mark.usefixtures("pushed")
def test_an_older_one_is_no_base(capsys: Capture, file: Path, base: Base) -> None:
    assert run(capsys, "pull", str(file), "--digest", digest("one")[:8])[0] == 0
    assert file.read_bytes() == text("one")
    assert base.read() == ""
    assert run(capsys, "pull", str(file), "--digest", "0" * 8)[0] == 1


@pytest.mark.usefixtures("pushed")
def test_to_standard_output(capsys: Capture, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        assert run(capsys, "pull", "-")[0] == 0
    assert stream.buffer.getvalue() == text("two")  # type: ignore[attr-defined]
    assert base.read() == ""
    assert run(capsys, "pull", "-", "--json")[0] == 2


@pytest.mark.usefixtures("pushed")
def test_changes_that_are_kept_nowhere_are_not_overwritten(
    capsys: Capture, file: Path, base: Base
) -> None:
    file.write_bytes(text("mine"))
    code, _, err = run(capsys, "pull", str(file))
    assert code == 1
    assert "has changes that are neither committed nor in the history" in err
    assert (file.read_bytes(), base.read()) == (text("mine"), "")
    assert run(capsys, "pull", str(file), "--force")[0] == 0
    assert file.read_bytes() == text("two")


@pytest.mark.usefixtures("pushed")
def test_what_the_history_has_may_be_overwritten(capsys: Capture, file: Path) -> None:
    file.write_bytes(text("one"))
    assert run(capsys, "pull", str(file))[0] == 0
    assert file.read_bytes() == text("two")


@pytest.mark.usefixtures("pushed")
def test_what_git_has_committed_may_be_overwritten(capsys: Capture, file: Path) -> None:
    def git(*args: str) -> None:
        who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
        subprocess.run(["git", *who, *args], cwd=file.parent, check=True, capture_output=True)

    file.write_bytes(text("mine"))
    git("init")
    git("add", "mine.yaml")
    assert run(capsys, "pull", str(file))[0] == 1
    git("commit", "-m", "mine")
    file.write_bytes(text("changed"))
    assert run(capsys, "pull", str(file))[0] == 1
    file.write_bytes(text("mine"))
    assert run(capsys, "pull", str(file))[0] == 0
    assert file.read_bytes() == text("two")


@pytest.mark.usefixtures("pushed")
def test_a_link_stays_one_and_a_mode_stays(capsys: Capture, file: Path) -> None:
    real = file.with_name("real.yaml")
    real.write_bytes(text("one"))
    real.chmod(0o600)
    file.symlink_to(real)
    assert run(capsys, "pull", str(file))[0] == 0
    assert file.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (text("two"), 0o600)


@pytest.mark.usefixtures("pushed")
def test_a_place_that_cannot_be_written(capsys: Capture, file: Path) -> None:
    for wrong in (file.parent, file.parent / "wrangler.toml" / "below"):
        code, _, err = run(capsys, "pull", str(wrong))
        assert code == 2
        assert err.startswith("router: cannot ")


@pytest.mark.usefixtures("kv")
def test_nothing_is_live(capsys: Capture, file: Path) -> None:
    code, _, err = run(capsys, "pull", str(file))
    assert (code, err) == (1, "router: nothing is live in KV of the test\n")


@pytest.mark.usefixtures("pushed")
def test_names_that_no_file_can_have(capsys: Capture, file: Path) -> None:
    code, _, err = run(capsys, "pull", "x" * 300)
    assert (code, "cannot write xxx" in err) == (2, True)
    file.symlink_to(file.name)
    assert run(capsys, "pull", str(file))[0] == 0
    assert file.read_bytes() == text("two")


def test_what_was_pulled_and_is_kept_nowhere_is_not_overwritten(
    capsys: Capture, kv: FakeKv, file: Path
) -> None:
    """Written without `router push`, and replaced so: no history has it."""
    kv.values["policy"] = text("one")
    assert run(capsys, "pull", str(file))[0] == 0
    kv.values["policy"] = text("two")
    code, _, err = run(capsys, "pull", str(file))
    assert (code, "nor in the history" in err) == (1, True)
    assert file.read_bytes() == text("one")
