"""The pages about the agent: their sections, and the tables in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("", "-capabilities", "-clients", "-python", "-workers", "-operations")
NAMES = tuple(f"agent{part}.md" for part in PARTS)
PAGES = {name: (ROOT / "docs" / name).read_text("utf-8") for name in NAMES}


def section(name: str) -> str:
    """The section with this heading, of the one page that has it."""
    heading = f"\n## {name}\n"
    (page,) = (text for text in PAGES.values() if heading in text)
    return page.partition(heading)[2].partition("\n## ")[0]


def spaced(text: str) -> str:
    """Without line breaks."""
    return " ".join(text.split())


def first_column(text: str, heading: str) -> list[str]:
    """What is named in the first column of the table with this heading."""
    rows = text.partition(f"\n| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def cells(text: str, row: str) -> str:
    """The cells of a row after its first one."""
    found = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", text, re.MULTILINE)
    assert found, row
    return found[1]


def row_of(text: str, name: str) -> str:
    """The whole row that begins with `name`."""
    found = re.search(rf"^\| {name} \|.*$", text, re.MULTILINE)
    assert found, name
    return found[0]
