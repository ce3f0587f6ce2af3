"""The rooms of agent/: which may use which, and that one finds one's way in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import agent

ROOT = Path(agent.__file__).parents[1]
MOST_FILES = 12
# A room, and the rooms that it may use: those above it in this table, never those below.
MAY_USE: dict[str, set[str]] = {
    "agent": set(),
    "agent/local": {"agent"},
    "agent/core": set(),
    "agent/queue": set(),
    "agent/workers": {"agent/queue"},
    "agent/records": {"agent/queue", "agent/core"},
    "agent/sandbox": set(),
    "agent/core/web": {"agent", "agent/core"},
    "agent/callbacks": {"agent", "agent/queue", "agent/core", "agent/core/web"},
    "agent/core/capabilities/sql": {"agent/queue", "agent/core"},
    "agent/core/capabilities": {
        *("agent", "agent/core", "agent/sandbox", "agent/core/web", "agent/core/capabilities/sql"),
    },
    "agent/core/http": {"agent", "agent/core", "agent/records", "agent/core/capabilities"},
    "agent/agents": {
        *("agent/queue", "agent/sandbox", "agent/core/capabilities", "agent/core/http"),
    },
    "agent/core/isolate": {
        *("agent/core", "agent/queue", "agent/workers", "agent/records", "agent/core/web"),
        *("agent/callbacks", "agent/core/capabilities", "agent/core/http", "agent/agents"),
    },
    "agent/core/jobs": {
        *("agent/core", "agent/queue", "agent/records", "agent/callbacks", "agent/agents"),
        *("agent/core/capabilities/sql", "agent/core/capabilities", "agent/core/http"),
        "agent/core/isolate",
    },
    "agent/core/api": {
        *("agent/core", "agent/queue", "agent/workers", "agent/records"),
        *("agent/callbacks", "agent/core/capabilities", "agent/core/http", "agent/agents"),
        *("agent/core/isolate", "agent/core/jobs"),
    },
    "agent/schemas/components": {
        *("agent", "agent/queue", "agent/workers", "agent/records", "agent/sandbox"),
        *("agent/core/web", "agent/callbacks", "agent/core/capabilities/sql", "agent/agents"),
        *("agent/core/capabilities", "agent/core/isolate", "agent/core/jobs", "agent/core/api"),
    },
    "agent/schemas": {
        *("agent", "agent/queue", "agent/records", "agent/core/http", "agent/core/api"),
        "agent/schemas/components",
    },
    "agent/core/serving": {
        *("agent/queue", "agent/workers", "agent/records", "agent/core/capabilities"),
        *("agent/core/http", "agent/core/isolate", "agent/core/jobs", "agent/core/api"),
        "agent/schemas",
    },
    "agent/edge/runtime": {"agent/core/capabilities", "agent/core/http"},
    "agent/edge/d1": {"agent/queue", "agent/records", "agent/core/capabilities/sql"},
    "agent/edge/fetching": {
        *("agent/core", "agent/core/web", "agent/callbacks", "agent/core/isolate"),
        "agent/edge/d1",
    },
    "agent/edge/bindings": {
        *("agent/core", "agent/sandbox", "agent/core/web", "agent/core/capabilities/sql"),
        *("agent/core/capabilities", "agent/edge/runtime", "agent/edge/d1"),
        "agent/edge/fetching",
    },
    "agent/edge": {
        *("agent/core", "agent/queue", "agent/workers", "agent/records", "agent/callbacks"),
        *("agent/agents", "agent/core/http", "agent/core/isolate", "agent/core/serving"),
        *("agent/edge/runtime", "agent/edge/d1", "agent/edge/fetching", "agent/edge/bindings"),
    },
}


def files(room: str = "") -> list[Path]:
    found = (ROOT / room).iterdir() if room else (ROOT / "agent").rglob("*")
    return sorted(path for path in found if path.suffix in (".py", ".js"))


@cache
def used(file: Path) -> frozenset[Path]:
    """The files of the agent that a file imports, for types included."""
    imported = _of_python(file) if file.suffix == ".py" else _of_javascript(file)
    return frozenset(path for path in imported if path.is_relative_to(ROOT / "agent"))


def _of_python(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (_module(f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (_module(alias.name) for alias in node.names)


def _of_javascript(file: Path) -> Iterator[Path]:
    for path in re.findall(r'from "(\.{1,2}/[^"]+)"', file.read_text(encoding="utf-8")):
        yield (file.parent / path).resolve()


def _module(name: str) -> Path:
    """The file of a module, of a package, or of a name in either."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py"))
    return next((each for each in candidates if each.is_file()), path.parent / "__init__.py")


def room_of(file: Path) -> str:
    return file.parent.relative_to(ROOT).as_posix()


def test_every_room_is_known() -> None:
    assert {room_of(file) for file in files()} == MAY_USE.keys()


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_uses_what_it_may(room: str) -> None:
    uses = {room_of(other): file.name for file in files(room) for other in used(file)}
    assert uses.keys() - {room} <= MAY_USE[room], uses


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_may_use_only_what_it_does(room: str) -> None:
    uses = {room_of(other) for file in files(room) for other in used(file)}
    assert MAY_USE[room] <= uses, "take the rest out of the table"


def test_arrows_go_one_way() -> None:
    rooms = list(MAY_USE)
    for at, room in enumerate(rooms):
        assert MAY_USE[room] <= set(rooms[:at]), room


def test_no_file_uses_itself_by_way_of_others() -> None:
    left = {file: set(used(file)) - {file} for file in files()}
    while free := {file for file, others in left.items() if not others & left.keys()}:
        left = {file: others for file, others in left.items() if file not in free}
    assert not left, sorted(path.relative_to(ROOT).as_posix() for path in left)


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_can_be_looked_over(room: str) -> None:
    modules = [file for file in files(room) if file.suffix == ".py" and file.stem[:2] != "__"]
    assert len(modules) <= MOST_FILES
