"""The edits of pyodide's script: each finds its place, or says so in one line."""

from __future__ import annotations

import re

import pytest

from router.dev.bundle import EDITS, RECIPE_FOR, edited, ensure_bundle, pyodide_version, recipe
from router.dev.layout import Layout, SetupError, find_root

SOURCE = "\n".join(edit.find for edit in EDITS)


def test_every_edit_replaces_what_it_finds() -> None:
    script = edited(SOURCE, "1.0.0")
    assert all(edit.put in script for edit in EDITS)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_without_a_place_fails_in_one_line(edit) -> None:
    changed = SOURCE.replace(edit.find, "something else")
    with pytest.raises(SetupError) as raised:
        edited(changed, "999.0.0")
    told = str(raised.value)
    assert f"'{edit.name}'" in told
    assert RECIPE_FOR in told
    assert "999.0.0" in told
    assert "\n" not in told


@pytest.fixture(scope="module")
def package():
    return Layout(find_root()).npm_package("pyodide")


def test_the_installed_pyodide_is_the_one_of_the_recipe(package) -> None:
    assert pyodide_version(package) == RECIPE_FOR


def test_nothing_that_workerd_forbids_is_left(package) -> None:
    source = (package / "pyodide.asm.mjs").read_text(encoding="utf-8")
    script = edited(source, RECIPE_FOR)
    forbidden = r"(?<![\w.])eval\(|new WebAssembly\.Module\(|WebAssembly\.instantiate\(|Date\.now"
    assert re.findall(forbidden, script) == []


def test_the_recipe_changes_with_the_version(tmp_path) -> None:
    def of(version: str) -> str:
        (tmp_path / "package.json").write_text(f'{{"version": "{version}"}}')
        return recipe(tmp_path)

    assert of("1.0.0") == of("1.0.0")
    assert of("1.0.0") != of("1.0.1")


def test_a_missing_package_says_what_to_do(clone: Layout) -> None:
    with pytest.raises(SetupError, match="pyodide is missing: run `make install`"):
        ensure_bundle(clone.kit)
