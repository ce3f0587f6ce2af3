"""The results of a run: `build/bench.json`, a table, and the goals.

Requests per second depend on the machine; the ratios between rows of one run hold better,
and the goals are about those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.throughput import Measured
from router.dev.files import write_if_changed


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured value and its goal; `at_least`: more is better."""

    what: str
    value: float
    goal: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def to_text(self) -> str:
        word = "at least" if self.at_least else "at most"
        mark = "reached" if self.reached else "NOT REACHED"
        return f"{self.what:<50} {self.value:>9.3g}  {word} {self.goal:<6g} {mark}"


BASES = ("js-forward", "reflare", "python-forward", "router-no-health")


def rows_table(rows: Sequence[Measured], bases: Sequence[str] = BASES) -> str:
    by_name = {row.name: row for row in rows}
    compared = [by_name[name] for name in bases if name in by_name]
    wide = max(16, *map(len, by_name))
    titles = "".join(f" {'of ' + base.name:>19}" for base in compared)
    lines = [f"{'row':<{wide}} {'requests/s':>10}{titles} {'CPU µs':>8} {'p99 ms':>7}"]
    for row in rows:
        ratios = "".join(f" {row.of(base):>19.2f}" for base in compared)
        tail = f"{ratios} {row.cpu_us:>8.0f} {row.to_dict()['p99_ms']:>7}"
        lines.append(f"{row.name:<{wide}} {row.per_second:>10,.0f}{tail}")
    return "\n".join(lines)


def ratios_table(pairs: Sequence[tuple[Measured, Measured]]) -> str:
    """Return each row as a part of its base, with the range of the middle half of the rounds."""
    lines = [f"{'compared':<40} {'requests/s':>10} {'half of the rounds':>20} {'CPU':>6}"]
    for row, base in pairs:
        ratios = sorted(row.ratios(base))
        aside = len(ratios) // 4
        half = f"{ratios[aside]:.3f} to {ratios[-1 - aside]:.3f}"
        name, cpu = f"{row.name}, of {base.name}", row.of(base, "cpu_us")
        lines.append(f"{name:<40} {row.of(base):>10.3f} {half:>20} {cpu:>6.3f}")
    return "\n".join(lines)


# Row, the row it is compared with, and the least part of it that it should reach.
ROW_GOALS = (
    ("router", "js-forward", 0.58),
    ("router", "python-forward", 1.4),
    ("router", "reflare", 0.95),
    ("router-deciding", "js-forward", 0.40),
    ("router-deciding", "python-forward", 1.0),
    ("router-guarded", "router", 0.85),
    ("router", "router-no-health", 0.95),
    ("router-probing", "router-no-health", 0.95),
)


# The same for the time within which 99 of 100 answers come, and the most that it may be.
P99_GOALS = (("router", "reflare", 1.0),)


def rows_goals(rows: Sequence[Measured]) -> list[Goal]:
    by_name = {row.name: row for row in rows}
    rates = [
        Goal(f"{name}, of {base}", by_name[name].of(by_name[base]), bound, at_least=True)
        for name, base, bound in ROW_GOALS
        if {name, base} <= by_name.keys()
    ]
    return rates + [
        Goal(f"p99 of {name}, times {base}'s", by_name[name].of(by_name[base], "p99_ms"), bound)
        for name, base, bound in P99_GOALS
        if {name, base} <= by_name.keys()
    ]


def deciding_goals(figures: Mapping[str, float]) -> list[Goal]:
    return [
        Goal("one decision among 10 routes, µs (CPython)", figures["few_us"], 10),
        Goal("one decision among 10,000 routes, times 10's", figures["ratio"], 1.2),
    ]


def keys_goals(figures: Mapping[str, float]) -> list[Goal]:
    return [Goal("a key among 100,000, times one among 10", figures["ratio"], 1.1)]


def loading_goals(times: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Goal]:
    edge = times["edge"]
    return [
        Goal("1,000 routes from YAML at the edge, ms", edge["yaml"]["first_ms"], 1_500),
        Goal("1,000 routes from their compiled form, ms", edge["compiled"]["first_ms"], 50),
    ]


def loading_table(times_by_place: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    lines = [f"{'1,000 routes':<16} {'first ms':>10} {'warm ms':>10}"]
    for place, forms in times_by_place.items():
        for form, times in forms.items():
            name = f"{place}, {form}"
            lines.append(f"{name:<16} {times['first_ms']:>10,.0f} {times['warm_ms']:>10,.0f}")
    return "\n".join(lines)


def goals_table(goals: Sequence[Goal]) -> str:
    return "\n".join(goal.to_text() for goal in goals)


def write(path: Path, rows: Sequence[Measured], goals: Sequence[Goal], more: Any) -> None:
    """Write the document; `rows` and its names are a contract, other fields may change."""
    document = {
        "rows": [row.to_dict() for row in rows],
        **more,
        "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals],
    }
    write_if_changed(path, (json.dumps(document, indent=2) + "\n").encode())
