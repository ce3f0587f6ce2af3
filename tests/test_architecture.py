"""docs/architecture.md is true: its rooms, its files, its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_WORDS = 30
PACKAGES = ("policies", "router", "agent", "workers_runtime", "api_docs", "bench", "tests")


def section(name: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    body = TEXT.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def rooms() -> set[str]:
    """The folders with code that stand directly in a package, or the package if it has none."""
    found = set()
    for package in PACKAGES:
        inner = {file.relative_to(ROOT).parts[:2] for file in (ROOT / package).glob("*/**/*.py")}
        whole = package in ("tests", "bench") or not inner
        found |= {package} if whole else {"/".join(parts) for parts in inner}
    return found


def test_every_room_has_a_line() -> None:
    told = {room for row in section("Rooms") for room in re.findall(r"`([^`]+)`", " ".join(row))}
    assert rooms() - told == set()
    assert not [row[0] for row in section("Rooms") if not (ROOT / row[0].strip("`")).is_dir()]


@pytest.mark.parametrize(
    "row", section("Ten changes, and where they begin"), ids=lambda row: row[0]
)
def test_a_change_begins_in_a_file(row: list[str]) -> None:
    paths = re.findall(r"`([^`]+)`", row[1])
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_glossary_is_short() -> None:
    words = [row[0] for row in section("Glossary")]
    assert len(set(words)) == len(words) <= MOST_WORDS


@pytest.mark.parametrize("row", section("Glossary"), ids=lambda row: row[0])
def test_a_word_is_in_the_code(row: list[str]) -> None:
    path, name = re.findall(r"`([^`]+)`", row[2])
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(class|def) {name}\b|^\s*{name}\b.* = ", text, re.MULTILINE), row
