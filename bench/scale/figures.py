"""Tables of figures: for people, for the documentation, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Cell = str | int | float


class Table(NamedTuple):
    """`name` is the same in the documentation; `columns` are the headings."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def markdown(self) -> str:
        lines = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "columns": self.columns, "rows": self.rows}


def shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def quantile(values: Sequence[float], share: float) -> float:
    """The value that the share `share` of the sorted `values` does not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]


def ms(value: float) -> str:
    return "-" if value == float("inf") else f"{value:,.0f} ms"


def seconds(value: float) -> str:
    return "later" if value == float("inf") else f"{value / 1000:.1f} s"


def percent(value: float) -> str:
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"
