"""The rooms of router/edge: which may use which, and that one finds one's way in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.dev.layout import find_root

EDGE = find_root() / "router" / "edge"
MOST_FILES = 12
# A room, and the rooms that it may use: what is further down in the list never is.
MAY_USE = {
    "runtime": set[str](),
    "isolate": {"runtime"},
    "limiter": {"runtime", "isolate"},
    "coordinator": {"runtime", "isolate"},
    "admin": {"runtime", "isolate"},
    "proxy": {"runtime", "isolate", "admin"},
    "": {"runtime", "isolate", "limiter", "coordinator", "admin", "proxy"},  # entry.py
}


def used(file: Path) -> Iterator[str]:
    """The rooms that a file names in its imports, those for types included."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".js":
        for path in re.findall(r'from "(\.{1,2}/[^"]+)"', text):
            target = (file.parent / path).resolve()
            if target.is_relative_to(EDGE):
                yield target.relative_to(EDGE).parent.as_posix()
        return
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("router.edge."):
                yield name.split(".")[2]


def rooms() -> list[str]:
    return sorted({path.parent.relative_to(EDGE).as_posix() for path in EDGE.rglob("*.py")})


def files(room: str) -> list[Path]:
    return [path for path in (EDGE / room).iterdir() if path.suffix in (".py", ".js")]


def test_every_room_is_known() -> None:
    assert {"" if room == "." else room for room in rooms()} == MAY_USE.keys()


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_uses_those_below(room: str) -> None:
    for file in files(room):
        others = {other for other in used(file) if other != room}
        assert others <= MAY_USE[room], f"{file.name} uses {others - MAY_USE[room]}"


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_can_be_looked_over(room: str) -> None:
    assert len([file for file in files(room) if file.name != "__init__.py"]) <= MOST_FILES
