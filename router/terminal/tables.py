"""Columns of text."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from router.terminal.console import Part, line_of, out, say

if TYPE_CHECKING:
    from rich.text import Text


def columns(rows: Iterable[Sequence[Part]], right: Container[int] = ()) -> Iterator[Text]:
    """Yield aligned lines, each column as wide as its widest cell. `right`: the indices of the
    columns that are aligned to the right."""
    cells = [[(part, "") if isinstance(part, str) else part for part in row] for row in rows]
    widths = [max(len(text) for text, _ in column) for column in zip(*cells, strict=True)]
    for row in cells:
        parts: list[Part] = []
        for index, (text, style) in enumerate(row):
            side = ">" if index in right else "<"
            width = widths[index] if index < len(row) - 1 else 0
            parts += [(f"{text:{side}{width}}", style), "  "]
        line = line_of(*parts)
        line.rstrip()
        yield line


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print two columns; the second is never truncated."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        say((f"{name:<{width}}", "bold"), f"  {text}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; no cell is truncated, however narrow the terminal is."""
    for line in columns([[(name, "bold") for name in head], *rows]):
        out.rich.print(line)
