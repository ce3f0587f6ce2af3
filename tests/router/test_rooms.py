"""The rooms of router/: which may use which. Those of router/edge are in edge/test_rooms.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from router.dev.layout import find_root

ROUTER = find_root() / "router"
# A room, and the rooms that it may use: what is further down in the list never is. Imports for
# types and within functions count, too.
MAY_USE = {
    "edge": set[str](),
    "terminal": set[str](),
    "openapi": {"edge"},
    "api": {"terminal"},
    "dev": set[str](),
    "scaffold": {"dev"},
    "settle": {"terminal"},
    "drill": {"terminal", "api"},
    "publishing": {"terminal", "api", "dev", "edge"},
    "cli": {"terminal", "api", "dev", "edge", "settle", "drill", "publishing", "scaffold"},
}


@cache
def used(file: Path) -> frozenset[str]:
    """The rooms that a file names in its imports."""
    return frozenset(_used(file))


def _used(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports name the room"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "router" and rest.partition(".")[0] in MAY_USE:
                yield rest.partition(".")[0]


def test_every_room_is_known() -> None:
    folders = {path.parent.relative_to(ROUTER).as_posix() for path in ROUTER.rglob("*.py")}
    assert {folder.partition("/")[0] for folder in folders} - {"."} == MAY_USE.keys()


def test_the_arrows_go_one_way() -> None:
    above: set[str] = set()
    for room, below in MAY_USE.items():
        assert below <= above, f"{room} comes before {below - above}"
        above.add(room)


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_uses_those_below(room: str) -> None:
    for file in (ROUTER / room).rglob("*.py"):
        others = set(used(file)) - {room}
        assert others <= MAY_USE[room], f"{file.name} uses {others - MAY_USE[room]}"


LIBRARIES = ("api", "settle", "drill", "publishing")
PRINTING = {"router.terminal.console", "router.terminal.reporter", "rich", "print", "input"}


@pytest.mark.parametrize("room", LIBRARIES)
def test_libraries_do_not_print(room: str) -> None:
    """They report to whoever calls them, and raise."""
    for file in (ROUTER / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {node.module or "", (node.module or "").partition(".")[0]}
            elif isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.Name):
                names = {node.id}
            else:
                continue
            assert not names & PRINTING, f"{file.name} uses {names & PRINTING}"
