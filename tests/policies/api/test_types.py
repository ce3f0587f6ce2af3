"""The types of `/.router/*` are types alone: what the edge runs never imports them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from router.dev.layout import find_root
from router.dev.stage import EDGE_PACKAGES

ROOT = find_root()
FILES = sorted(path for package in EDGE_PACKAGES for path in (ROOT / package).rglob("*.py"))
TOOLS = sorted((ROOT / "router" / "cli").glob("*.py"))


def imported(node: ast.AST) -> list[str]:
    """The modules that are imported when that runs."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return []
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [name for child in ast.iter_child_nodes(node) for name in imported(child)]


@pytest.mark.parametrize(
    "file", [*FILES, *TOOLS], ids=lambda file: file.relative_to(ROOT).as_posix()
)
def test_they_are_imported_for_types_alone(file: Path) -> None:
    names = imported(ast.parse(file.read_text(encoding="utf-8")))
    assert not [name for name in names if name.startswith("policies.api")]
