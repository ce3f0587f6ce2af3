"""Sentences of the documentation are short: at most 30 words each.

- A sentence ends with `.`, `!` or `?`, at the end of a paragraph, an item or a cell of a table.
- `code` and a number count as one word each, as does the text of a link for each of its words.
- A list within a sentence (four commas or more) may be longer: it is read item by item.
- Pages and tables that are generated are not looked at; nor is what stands in a code block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = ("agent-api.md", "router-api.md")
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "examples").glob("**/README.md")),
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
]
MOST = 30
COMMAS_OF_A_LIST = 4

BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
MADE = re.compile(r"^<!-- (\w+) -->$.*?^<!-- end of \1 -->$", re.MULTILINE | re.DOTALL)
ITEM = re.compile(r"^(?:[-*]|\d+\.) +")
END = re.compile(r"(?<=[.!?])[)*\"]* +(?=[A-Z\d\[(*\"]|code|pip)")


def paragraphs(text: str) -> Iterator[str]:
    """Each paragraph, item of a list and cell of a table, in a line."""
    found: list[str] = []
    for line in [*MADE.sub("", BLOCK.sub("\n", text)).splitlines(), ""]:
        line = line.strip()
        if not line or line[0] in "#|<" or ITEM.match(line):
            yield " ".join(found)
            found = []
        if line.startswith("|"):
            yield from re.split(r"(?<!\\)\|", line)
        elif line and line[0] not in "#<":
            found.append(ITEM.sub("", line, count=1) if not found else line)


def sentences(text: str) -> Iterator[str]:
    for paragraph in paragraphs(text):
        plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "code", paragraph))
        yield from END.split(plain)


def words(sentence: str) -> int:
    return len(re.findall(r"[^\s()]*\w[^\s()]*", sentence))


def is_short(sentence: str) -> bool:
    return words(sentence) <= MOST or sentence.count(",") >= COMMAS_OF_A_LIST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [each for each in sentences(text) if not is_short(each)] == []


def test_long_sentences_are_found() -> None:
    long = "word " * MOST + "end."
    assert not is_short(long)
    for text in (f"Short. {long}", f"- a\n- {long}\n", f"| a | {long} |", f"Yes.\n\n{long}"):
        assert sum(not is_short(each) for each in sentences(text)) == 1, text
    assert all(is_short(each) for each in sentences(f"```\n{long}\n```\n\nShort."))
    assert all(is_short(each) for each in sentences(f"`{long}` is code."))
