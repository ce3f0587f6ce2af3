"""The edge's packages: of the versions that run here, pure but for the compiled one."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from router.dev.layout import Layout, SetupError, find_root
from router.dev.vendor import RUNTIME, edge_distributions, ensure_vendored, is_vendored, wanted


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


def test_what_is_vendored_is_what_the_project_pins() -> None:
    layout = Layout(find_root())
    ensure_vendored(layout)
    assert is_vendored(layout)
    stamp = (layout.python_modules / ".versions").read_text(encoding="utf-8")
    pinned = layout.read_toml(layout.root / "pyproject.toml")["project"]["dependencies"]
    assert {pin.lower() for pin in pinned} <= set(stamp.lower().splitlines())
    assert f"{RUNTIME}=={version(RUNTIME)}" in stamp.splitlines()


def test_a_missing_package_says_what_to_do() -> None:
    with pytest.raises(SetupError, match="no-such-package is missing: run `make install`"):
        edge_distributions(["no_such_package"])
