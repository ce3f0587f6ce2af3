"""How the tests stand: what several files need is no test, so no test imports another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def imported(file: Path) -> set[str]:
    """The modules that a file imports from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_test(module: str) -> bool:
    path = TESTS.parent / Path(*module.split("."))
    return path.name.startswith("test_") and path.with_suffix(".py").is_file()


def test_tests_import_no_tests() -> None:
    found = {
        file.relative_to(TESTS).as_posix(): sorted(name for name in imported(file) if is_test(name))
        for file in TESTS.rglob("*.py")
    }
    assert {name: others for name, others in found.items() if others} == {}


def test_helpers_are_no_tests() -> None:
    assert not list((TESTS / "support").rglob("test_*.py"))


def test_a_file_is_run_by_one_process(request: pytest.FixtureRequest) -> None:
    """With `--dist loadgroup`, and only then, the names of tests have the groups of
    `tests/conftest.py`."""
    is_grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@test_structure.py") == is_grouped
