"""The kit is built once: aside, under a lock, and again after it was broken off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.dev import npm, prepare
from router.dev.errors import SetupError
from router.dev.kit import Kit
from router.dev.npm import STAMP, ensure_npm, is_installed
from router.dev.prepare import KitPart, prepare_kit

WITHIN = 60.0
# A kit of one part, which takes its time; `begun` and `made` say how often.
BUILDER = """\
import sys, time
from pathlib import Path
from router.dev import prepare
from router.dev.kit import Kit

home = Path(sys.argv[1])

def build(kit):
    with (home / "begun").open("a") as file:
        file.write("x")
    while not (home / "go").exists():
        time.sleep(0.01)
    with (home / "made").open("a") as file:
        file.write("x")

part = prepare.KitPart("part", "of the test", lambda kit: (home / "made").exists(), build)
prepare.PARTS = (part,)
prepare.prepare_kit(Kit(home, home, is_clone=False), ("part",))
"""


def started(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def soon(path: Path, text: str) -> bool:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if path.exists() and path.read_text() == text:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "kit"
    home.mkdir()
    return home


def test_of_two_that_start_at_once_one_builds(home: Path) -> None:
    first = started(home)
    assert soon(home / "begun", "x")
    second = started(home)
    assert second.stdout
    assert "kit         in" in second.stdout.readline()
    assert "being built by another process" in second.stdout.read(45)
    (home / "go").touch()
    told, more = first.communicate(timeout=WITHIN)[0], second.communicate(timeout=WITHIN)[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert (home / "made").read_text() == "x"
    assert "of the test" in told
    assert "of the test" not in more


def test_what_was_broken_off_is_built_by_the_next(home: Path) -> None:
    first = started(home)
    assert soon(home / "begun", "x")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    (home / "go").touch()
    second = started(home)
    second.communicate(timeout=WITHIN)
    assert second.returncode == 0
    assert ((home / "begun").read_text(), (home / "made").read_text()) == ("xx", "x")


def test_a_kit_that_cannot_be_written_says_which_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    kit = Kit(tmp_path / "file" / "0.1", tmp_path, is_clone=False)
    monkeypatch.setattr(
        prepare, "PARTS", (KitPart("part", "", lambda kit: False, lambda kit: None),)
    )
    with pytest.raises(SetupError, match=r"cannot build the kit in .*ROUTER_CACHE") as raised:
        prepare_kit(kit, ("part",))
    assert "\n" not in str(raised.value)


def kit_with(home: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> Kit:
    """An installation whose package.json asks for this version."""
    told = home.parent / "package.json"
    told.write_text(json.dumps({"dependencies": {"left": version}, "devDependencies": {"x": "1"}}))
    monkeypatch.setattr(Kit, "package_json", told)
    return Kit(home, home, is_clone=False)


def test_packages_are_replaced_when_the_versions_change(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def install(kit: Kit, folder: Path, *args: str) -> None:
        asked.append(json.loads((folder / "package.json").read_text())["dependencies"])
        assert "--omit=dev" in args
        (folder / "node_modules" / asked[-1]["left"]).mkdir(parents=True)

    monkeypatch.setattr(npm, "run_npm", install)
    for version in ("1", "1", "2"):
        kit = kit_with(home, monkeypatch, version)
        ensure_npm(kit)
        assert is_installed(kit)
        assert sorted(path.name for path in kit.node_modules.iterdir()) == [STAMP, version]
    assert asked == [{"left": "1"}, {"left": "2"}]
    assert [path.name for path in home.iterdir()] == ["node_modules"]


def test_npm_that_fails_leaves_what_was_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = kit_with(home, monkeypatch, "file:///nowhere/at-all.tgz")
    (kit.node_modules / "old").mkdir(parents=True)
    with pytest.raises(SetupError, match=r"^npm install failed: ") as raised:
        ensure_npm(kit)
    assert "\n" not in str(raised.value)
    assert [path.name for path in kit.node_modules.iterdir()] == ["old"]
    assert not is_installed(kit)
