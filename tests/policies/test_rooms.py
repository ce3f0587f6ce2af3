"""The rooms of policies/: each uses those above it in `MAY_USE`, and can be looked over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from router.dev.layout import find_root

POLICIES = find_root() / "policies"
MOST_FILES = 14
# A room, and the rooms that it may use, imports for types included. None uses one below it.
MAY_USE = {
    "api": set[str](),
    "basics": set[str](),
    "http": set[str](),
    "compiled/form": {"basics"},
    "resilience": {"api", "basics", "http"},
    "access": {"basics", "compiled/form", "http"},
    "routing": {"basics", "compiled/form", "http"},
    "compiled": {"access", "api", "basics", "compiled/form", "http", "resilience", "routing"},
    "rollouts": {"api", "basics", "compiled", "compiled/form", "http", "resilience", "routing"},
    "balancing": {"access", "compiled", "http", "resilience", "rollouts", "routing"},
    "fleet": {"api", "balancing", "basics", "compiled", "resilience"},
    "language/findings": set[str](),
    "language/yaml": {"basics", "language/findings"},
    "language/values": {"basics", "http", "language/yaml", "resilience"},
    "language/model": {"language/values", "language/yaml"},
    "language/compile": {
        "access",
        "basics",
        "compiled",
        "http",
        "language/model",
        "language/values",
        "resilience",
        "routing",
    },
    "language/check/reach": {"basics", "language/findings", "language/model"},
    "language/check": {
        "access",
        "basics",
        "compiled",
        "fleet",
        "http",
        "language/check/reach",
        "language/compile",
        "language/findings",
        "language/model",
        "language/values",
        "language/yaml",
        "routing",
    },
    "language": {
        "basics",
        "language/check",
        "language/findings",
        "language/model",
        "language/values",
        "language/yaml",
    },
    "language/tooling": {"basics", "language/model", "language/values", "language/yaml"},
    "difference/views": {"basics", "language/compile", "language/model", "resilience"},
    "difference": {"basics", "compiled", "difference/views", "language/model", "routing"},
    "drill_plan": {
        "basics",
        "language",
        "language/check",
        "language/findings",
        "language/model",
        "language/tooling",
        "language/values",
        "language/yaml",
        "resilience",
    },
    "overlays": {
        "basics",
        "language",
        "language/check",
        "language/findings",
        "language/tooling",
        "language/yaml",
    },
    "gateway/models": {"basics", "language/model", "language/values"},
    "gateway/output": {
        "basics",
        "language",
        "language/findings",
        "language/tooling",
        "language/values",
        "language/yaml",
    },
    "gateway/cluster": {
        "gateway/models",
        "gateway/output",
        "language",
        "language/findings",
        "language/yaml",
    },
    "gateway/routes": {
        "basics",
        "gateway/cluster",
        "gateway/models",
        "gateway/output",
        "language/check",
        "language/findings",
        "language/model",
        "language/values",
        "language/yaml",
    },
    "gateway": {
        "basics",
        "gateway/cluster",
        "gateway/output",
        "gateway/routes",
        "language",
        "language/check/reach",
        "language/findings",
        "language/yaml",
    },
    "proxy/phases": {
        "access",
        "balancing",
        "basics",
        "compiled",
        "http",
        "resilience",
        "rollouts",
        "routing",
    },
    "proxy/attempts": {"compiled", "http", "proxy/phases", "resilience"},
    "proxy": {
        "access",
        "balancing",
        "basics",
        "compiled",
        "http",
        "proxy/attempts",
        "proxy/phases",
        "resilience",
        "rollouts",
        "routing",
    },
    "difference/traffic": {
        "access",
        "balancing",
        "basics",
        "compiled",
        "difference",
        "http",
        "language/model",
        "proxy",
        "routing",
    },
    "proxy/explain": {
        "access",
        "balancing",
        "basics",
        "compiled",
        "http",
        "proxy",
        "proxy/phases",
        "resilience",
        "rollouts",
    },
    "policy_tests": {
        "balancing",
        "basics",
        "compiled",
        "difference/traffic",
        "http",
        "language",
        "language/check",
        "language/findings",
        "language/model",
        "language/tooling",
        "language/values",
        "language/yaml",
        "proxy",
        "proxy/explain",
    },
    "proxy/memory": {
        "access",
        "balancing",
        "compiled",
        "http",
        "proxy/phases",
        "rollouts",
        "routing",
    },
    "reference": {
        "drill_plan",
        "fleet",
        "language/tooling",
        "policy_tests",
        "resilience",
        "rollouts",
    },
}


def rooms() -> set[str]:
    return {path.parent.relative_to(POLICIES).as_posix() for path in POLICIES.rglob("*.py")}


def room_of(module: str) -> str:
    """The room that an imported module is in."""
    path = POLICIES.parent / module.replace(".", "/")
    room = path if path.is_dir() else path.parent
    return room.relative_to(POLICIES).as_posix()


def _used(file: Path) -> Iterator[str]:
    """The rooms that a file names in its imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            folder = (POLICIES.parent / node.module.replace(".", "/")).is_dir()
            names = [f"{node.module}.{each.name}" if folder else node.module for each in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("policies."):
                yield room_of(name)


@cache
def used(room: str) -> frozenset[str]:
    """The other rooms that the files of a room use."""
    found = {other for file in (POLICIES / room).glob("*.py") for other in _used(file)}
    return frozenset(found - {room, "."})


def test_all_rooms_are_listed() -> None:
    assert rooms() - {"."} == MAY_USE.keys()


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_uses_those_that_it_may(room: str) -> None:
    assert used(room) == MAY_USE[room]


def test_no_room_is_used_in_a_circle() -> None:
    left = {room: used(room) for room in rooms()}
    while left:
        lowest = {room for room, needs in left.items() if not needs & left.keys()}
        assert lowest, f"these use each other: {sorted(left)}"
        left = {room: needs for room, needs in left.items() if room not in lowest}


@pytest.mark.parametrize("room", sorted(rooms() - {"."}))
def test_a_room_can_be_looked_over(room: str) -> None:
    files = [file for file in (POLICIES / room).glob("*.py") if file.name != "__init__.py"]
    assert len(files) <= MOST_FILES
