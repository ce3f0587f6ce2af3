"""The cores are pure: nothing under the folders of `PURE` does I/O or knows where it runs; and the
router and the agent know nothing of each other."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import policies

ROOT = Path(policies.__file__).parents[1]
FORBIDDEN = {
    *("asyncio", "http", "io", "js", "os", "pathlib", "pyodide", "pyodide_js", "secrets"),
    *("shutil", "socket", "subprocess", "sys", "tempfile", "threading", "time", "workers"),
    *("router", "tests", "urllib.request"),
    *("workers_runtime.garbage", "workers_runtime.javascript"),
}
CALLS = {"open", "print", "input", "exec", "eval"}
PURE = (
    "policies",
    *(
        "agent/agents",
        "agent/core",
        "agent/queue",
        "agent/callbacks",
        "agent/records",
        "agent/schemas",
        "agent/workers",
    ),
    *("agent/core/web/expiring.py", "workers_runtime/hosts.py", "workers_runtime/json_text.py"),
    *("workers_runtime/names.py", "workers_runtime/networks.py", "workers_runtime/prometheus.py"),
    "workers_runtime/urls.py",
)
FOUND = (
    path
    for name in PURE
    for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
)
FILES = sorted(path for path in FOUND if path.name != "__main__.py")  # a command
AGENT = sorted((ROOT / "agent").rglob("*.py"))
OTHERS = sorted(path for name in ("policies", "router") for path in (ROOT / name).rglob("*.py"))
SHARED = sorted((ROOT / "workers_runtime").rglob("*.py"))
STARTS_THE_AGENT = "router/dev"


class Read(NamedTuple):
    """What a file imports, and the functions that it calls by their names; both with lines."""

    imports: list[tuple[str, int]]
    calls: list[tuple[str, int]]


@cache
def read(path: Path) -> Read:
    found = Read([], [])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.imports.extend((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.imports.append((node.module or "", node.lineno))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.calls.append((node.func.id, node.lineno))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pure(path: Path) -> None:
    imports, calls = read(path)
    for name, line in calls:
        assert name not in CALLS, f"{name}() in line {line}"
    for name, line in imports:
        assert name not in FORBIDDEN, f"import of {name} in line {line}"
        assert name.partition(".")[0] not in FORBIDDEN, f"{name} in line {line}"


def packages(path: Path) -> set[str]:
    """The packages that it imports from."""
    return {name.partition(".")[0] for name, _ in read(path).imports}


def test_the_agent_imports_nothing_of_the_router() -> None:
    assert AGENT
    assert [path for path in AGENT if packages(path) & {"policies", "router", "tests"}] == []


def test_what_both_use_uses_neither() -> None:
    assert SHARED
    ours = {"agent", "policies", "router", "tests"}
    assert [path for path in SHARED if packages(path) & ours] == []


def test_the_router_imports_nothing_of_the_agent() -> None:
    others = [path for path in OTHERS if not path.is_relative_to(ROOT / STARTS_THE_AGENT)]
    assert [path for path in others if "agent" in packages(path)] == []
