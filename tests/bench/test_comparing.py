"""Rows that are compared: which, with which, and those of another clone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import comparing
from bench.__main__ import memory_parser
from bench.checkout import Elsewhere
from bench.comparing import chosen, pairs_of, parser
from bench.load import Count
from bench.rows import ALL_ROWS, Row
from bench.throughput import Measured
from router.dev.layout import Layout, SetupError, find_root

# What row_elsewhere.py asks of a clone, as little of it as does: a row is a web server.
CLONE = {
    "wrangler.toml": "",
    "bench/__init__.py": "",
    "bench/rows.py": """
from dataclasses import dataclass
BACKEND = "backend"
@dataclass
class Worker:
    name: str
    modules: dict
class Row:
    name = "router"
    def workers(layout, folder):
        return [Worker("router", {"entry.py": "mine"}), Worker(BACKEND, {"old.js": "mine"})]
ROWS = (Row,)
HEALTH_ROWS = ROLLOUT_ROWS = ()
router = Row.workers
def broken(layout, folder):
    raise ValueError("no luck")
""",
    "bench/staging.py": """
def folder_of(layout, name):
    folder = layout.root / "build" / name
    folder.mkdir(parents=True)
    return folder
""",
    "router/__init__.py": "",
    "router/dev/__init__.py": "",
    "router/dev/layout.py": """
class SetupError(Exception): ...
class Layout:
    def __init__(self, root): self.root = root
""",
    "router/dev/prepare.py": "def prepare(layout): print('this is no JSON')\n",
    "router/dev/runtime.py": """
import subprocess, sys
def serve(layout, workers, port, folder):
    (folder / "workers").write_text(repr([worker.modules for worker in workers]))
    return Process(port, folder)
class Process:
    def __init__(self, port, folder):
        self.log = folder / "log"
        command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
        with self.log.open("wb") as output:
            self.running = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        self.group = self.running.pid
    def stop(self):
        self.running.kill()
        self.running.wait()
""",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name, text in CLONE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


# A clone that has no row router-paths has what builds it.
@pytest.mark.parametrize("row", ["router", "router-paths"])
def test_a_row_of_another_clone_is_served_until_it_is_stopped(clone: Path, row: str) -> None:
    with Elsewhere(clone, row, "router") as server:
        server.wait_ready()
        workers = server.ask("/workers").body
        assert server.alive
        assert server.cpu_seconds > 0
    assert not server.alive
    # Its router, and this clone's Worker behind it.
    assert "{'entry.py': 'mine'}" in workers
    assert str(Path(comparing.__file__).with_name("workers") / "backend.js") in workers
    assert "old.js" not in workers


@pytest.mark.parametrize(
    ("function", "said"),
    [("router_new", "it has no row router-new"), ("broken", "ValueError: no luck")],
)
def test_a_row_that_cannot_be_built_says_why(clone: Path, function: str, said: str) -> None:
    with pytest.raises(SetupError, match=f"{clone}: {said}"):
        Elsewhere(clone, "router-new", function)


def test_a_folder_that_is_no_clone_is_told_first(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="not the root of a clone"):
        chosen(["router"], clone / "bench")
    (clone / ".venv" / "bin" / "python").unlink()
    with pytest.raises(SetupError, match="make install"):
        chosen(["router"], clone)


def test_rows_of_both_clones_stand_side_by_side(clone: Path) -> None:
    rows = chosen(["router", "router-post", "router"], clone)
    labels = ["router", f"router@{clone.name}", "router-post", f"router-post@{clone.name}"]
    assert [row.label for row in rows] == labels
    assert rows[2].traffic is rows[3].traffic
    found = measured(rows)
    assert named(pairs_of(found, with_other_clone=True)) == [tuple(labels[:2]), tuple(labels[2:])]


def test_rows_of_one_clone_are_compared_with_the_first() -> None:
    found = measured(chosen(["router", "reflare", "router-users"], None))
    pairs = named(pairs_of(found, with_other_clone=False))
    assert pairs == [("reflare", "router"), ("router-users", "router")]
    assert pairs_of(found[:1], with_other_clone=False) == []


def measured(rows: list[Row]) -> list[Measured]:
    return [Measured(row.label, (Count(1, 1.0, 1.0, 1.0, 1.0),)) for row in rows]


def named(pairs: list[tuple[Measured, Measured]]) -> list[tuple[str, str]]:
    return [(row.name, base.name) for row, base in pairs]


@pytest.mark.parametrize(
    "args", [[], ["no-row"], ["router", "--rounds", "0"], ["router", "--seconds", "x"]]
)
def test_wrong_usage_is_refused(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(args)
    assert "bench rows: error" in capsys.readouterr().err


def test_memory_takes_any_row_and_a_crowd() -> None:
    given = memory_parser().parse_args(["--crowd", "router-guarded"])
    assert (given.row, given.crowd) == ("router-guarded", True)
    usual = memory_parser().parse_args([])
    assert (usual.row, usual.crowd) == ("router", False)


def test_only_the_row_that_decides_is_told_to_remember_nothing(tmp_path: Path) -> None:
    layout, told = Layout(find_root()), {}
    for row in ALL_ROWS.values():
        if row.regions:  # it is the router
            (tmp_path / row.name).mkdir()
            router = row.workers(layout, tmp_path / row.name)[0]
            told[row.name] = router.bindings.get("ROUTER_MEMORY")
    assert told.pop("router-deciding") == 'text = "off"'
    assert len(told) > 5
    assert set(told.values()) == {None}
