"""One name has one meaning in agent/: no two modules define a class or a type of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import agent

ROOT = Path(agent.__file__).parent
# What variables are not called: they say nothing of what they hold.
VAGUE = {"asked", "made", "each", "done", "told", "said", "chance"}


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    paths = sorted(ROOT.rglob("*.py"))
    return [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def types(tree: ast.Module) -> Iterator[str]:
    """Classes, and aliases of types: names in capitals and small letters."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name[:1].isupper() and not name.isupper():
                yield name


def test_a_type_has_a_name_of_its_own() -> None:
    found = defaultdict[str, list[str]](list)
    for path, tree in trees():
        for name in types(tree):
            found[name].append(path.as_posix())
    assert len(found) > 100
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_variables_are_called_what_they_are() -> None:
    vague = [
        f"{path}:{node.lineno} {name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        for name in (getattr(node, "id", None), getattr(node, "arg", None))
        if name in VAGUE and isinstance(node, ast.Name | ast.arg)
    ]
    assert vague == []
