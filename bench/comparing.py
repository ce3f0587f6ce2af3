"""`rows [--against FOLDER] NAME…`: some rows, each compared with another one of the same run.

Without a folder each is compared with the first; with one, each with the row of that name in
the clone whose root the folder is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.checkout import python_of
from bench.report import ratios_table, rows_table
from bench.rows import ALL_ROWS, Row
from bench.throughput import HEALTH_ROUND_SECONDS, HEALTH_ROUNDS, Measured, measure_rows
from router.dev.layout import Layout


def compare_rows(layout: Layout, args: Sequence[str]) -> None:
    options = parser().parse_args(args)
    rows = chosen(options.names, options.against)
    measured = measure_rows(layout, rows, rounds=options.rounds, seconds=options.seconds)
    pairs = pairs_of(measured, with_other_clone=options.against is not None)
    print(f"\n{rows_table(measured, bases=())}")
    if pairs:
        print(f"\n{ratios_table(pairs)}")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench rows")
    parser.add_argument("names", nargs="+", choices=ALL_ROWS, metavar="NAME")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="root of another clone")
    parser.add_argument("--rounds", type=positive, default=HEALTH_ROUNDS)
    parser.add_argument("--seconds", type=positive, default=round(HEALTH_ROUND_SECONDS))
    return parser


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def chosen(names: Sequence[str], against: Path | None) -> list[Row]:
    """Return each row once; those of the other clone directly after this one's."""
    rows = [ALL_ROWS[name] for name in dict.fromkeys(names)]
    if against is None:
        return rows
    root = against.resolve()
    python_of(root)  # fails for a folder that is not a clone, before anything is warmed up
    return [version for row in rows for version in (row, replace(row, checkout=root))]


def pairs_of(
    found: Sequence[Measured], *, with_other_clone: bool
) -> list[tuple[Measured, Measured]]:
    """Return the pairs of rows to compare, in the order of `chosen`."""
    if with_other_clone:
        return list(zip(found[::2], found[1::2], strict=True))
    return [(row, found[0]) for row in found[1:]]
