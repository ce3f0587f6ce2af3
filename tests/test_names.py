"""One class name has one meaning in policies/, router/ and workers_runtime/.

The models of documents (routes.yaml, plans, cases, manifests, the API's JSON) name the same things
as the code does, so each of them is looked at by itself.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from router.dev.layout import find_root

ROOT = find_root()
PACKAGES = ("policies", "router", "workers_runtime")
CODE = "the code"
DOCUMENTS = (
    "policies/api/",
    "policies/drill_plan/model.py",
    "policies/gateway/models/",
    "policies/language/model/",
    "policies/policy_tests/model.py",
)


def place_of(file: str) -> str:
    """The model that a file is part of, or the code."""
    return next((document for document in DOCUMENTS if file.startswith(document)), CODE)


@cache
def classes() -> tuple[tuple[str, str], ...]:
    return tuple(_classes())


def _classes() -> Iterator[tuple[str, str]]:
    """The files of the packages, and the public classes that they define."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield path.relative_to(ROOT).as_posix(), node.name


def shared(place: str) -> dict[str, list[str]]:
    """The names that several files of a place define, with the files."""
    found = defaultdict[str, list[str]](list)
    for file, name in classes():
        if place_of(file) == place:
            found[name].append(file)
    assert found, f"{place} has no classes"
    return {name: files for name, files in found.items() if len(files) > 1}


@pytest.mark.parametrize("place", DOCUMENTS)
def test_a_document_has_no_two_classes_of_one_name(place: str) -> None:
    assert shared(place) == {}


def test_a_class_name_has_one_meaning() -> None:
    assert shared(CODE) == {}
