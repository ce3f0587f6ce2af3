"""Columns of text."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from rich.text import Text

from router.terminal.console import Part, line_of, out, say


def columns(rows: Iterable[Sequence[Part]], right: Container[int] = ()) -> Iterator[Text]:
    """Lines whose columns are as wide as what stands in them; those of `right` are numbers."""
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
    """Two columns; what stands in the second is never cut."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        say((f"{name:<{width}}", "bold"), f"  {text}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """As many columns as `head` has; nothing is cut, however narrow the terminal is."""
    for line in columns([[(each, "bold") for each in head], *rows]):
        out.print(line)
