"""The edge's packages: of the versions that run here, pure but for the compiled one."""

from __future__ import annotations

import ast
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from router.dev.errors import SetupError
from router.dev.kit import this_kit
from router.dev.stage import EDGE_PACKAGES
from router.dev.vendor import (
    EDGE,
    RUNTIME,
    edge_distributions,
    ensure_vendored,
    is_vendored,
    wanted,
)


def test_what_the_edge_needs_is_found_with_its_own_needs() -> None:
    names = [item.name.lower().replace("_", "-") for item in edge_distributions(["pydantic"])]
    assert names == [
        "annotated-types",
        "pydantic",
        "pydantic-core",
        "typing-extensions",
        "typing-inspection",
    ]


def test_what_only_another_platform_needs_is_left_out() -> None:
    assert edge_distributions(["pydantic; sys_platform == 'linux'"]) == []


@pytest.mark.parametrize(
    ("path", "is_wanted"),
    [
        ("yaml/loader.py", True),
        ("pydantic_core/_pydantic_core.cpython-314-wasm32-emscripten.so", True),
        ("yaml/_yaml.cpython-311-x86_64-linux-gnu.so", False),
        ("pydantic_core/core_schema.pyi", False),
        ("pydantic/__pycache__/main.cpython-311.pyc", False),
        ("pydantic-2.0.dist-info/METADATA", False),
        ("some/tests/test_it.py", False),
        ("../../bin/tool.py", False),
    ],
)
def test_which_files_are_uploaded(path: str, is_wanted: bool) -> None:
    assert wanted(tuple(path.split("/"))) is is_wanted


def test_what_is_vendored_is_what_the_package_pins() -> None:
    kit = this_kit()
    ensure_vendored(kit)
    assert is_vendored(kit)
    stamp = (kit.python_modules / ".versions").read_text(encoding="utf-8")
    told = tomllib.loads((kit.home / "pyproject.toml").read_text(encoding="utf-8"))
    pins = dict(pin.split("==") for pin in told["project"]["dependencies"] if "==" in pin)
    assert {f"{name}=={pins[name]}" for name in EDGE} <= set(stamp.lower().splitlines())
    assert f"{RUNTIME}=={version(RUNTIME)}" in stamp.splitlines()


def imports(folder: Path) -> set[str]:
    """The packages that the files of a folder import by their first names."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return found


def test_the_list_has_what_the_edge_imports() -> None:
    sources = this_kit().sources
    found = set[str]().union(*(imports(sources / package) for package in EDGE_PACKAGES))
    owners = packages_distributions()
    named = {canonicalize_name(owners[name][0]) for name in found if name in owners}
    ours = {"fiberwise-router", "pyodide-py", "workers-runtime-sdk"}  # `pyodide` has only types
    assert set(EDGE) <= named
    there = {canonicalize_name(item.name) for item in edge_distributions([*EDGE])}
    assert named - ours <= there


def test_a_missing_package_says_what_to_do() -> None:
    with pytest.raises(SetupError, match="no-such-package is missing: install the package again"):
        edge_distributions(["no_such_package"])
