"""The core is pure: nothing under `policies/` does I/O or knows where it runs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import policies

ROOT = Path(policies.__file__).parent
FORBIDDEN = {
    *("asyncio", "http", "io", "js", "os", "pathlib", "pyodide", "pyodide_js", "secrets"),
    *("shutil", "socket", "subprocess", "sys", "tempfile", "threading", "time", "workers"),
    *("router", "tests", "urllib.request"),
}
CALLS = {"open", "print", "input", "exec", "eval"}
FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in CALLS, f"{node.func.id}() in line {node.lineno}"
        for name in names:
            assert name not in FORBIDDEN, f"import of {name} in line {node.lineno}"
            assert name.partition(".")[0] not in FORBIDDEN, f"{name} in line {node.lineno}"
