"""What a run found: `build/bench.json`, a table for people, and the goals.

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
    """`at_least`: whether more is better."""

    what: str
    value: float
    goal: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def told(self) -> str:
        word = "at least" if self.at_least else "at most"
        mark = "reached" if self.reached else "NOT REACHED"
        return f"{self.what:<50} {self.value:>9.3g}  {word} {self.goal:<6g} {mark}"


BASES = ("js-forward", "python-forward", "router-no-health")


def rows_table(rows: Sequence[Measured]) -> str:
    by_name = {row.name: row for row in rows}
    bases = [by_name[name] for name in BASES if name in by_name]
    titles = "".join(f" {'of ' + base.name:>19}" for base in bases)
    lines = [f"{'row':<16} {'requests/s':>10}{titles} {'CPU µs':>8} {'p99 ms':>7}"]
    for row in rows:
        ratios = "".join(f" {row.of(base):>19.2f}" for base in bases)
        p99 = row.told()["p99_ms"]
        lines.append(f"{row.name:<16} {row.per_second:>10,.0f}{ratios} {row.cpu_us:>8.0f} {p99:>7}")
    return "\n".join(lines)


# Row, the row it is compared with, and the least that it should reach of it.
ROW_GOALS = (
    ("router", "python-forward", 0.85),
    ("router", "js-forward", 0.30),
    ("router-guarded", "router", 0.75),
    ("router", "router-no-health", 0.95),
    ("router-probing", "router-no-health", 0.95),
)


def rows_goals(rows: Sequence[Measured]) -> list[Goal]:
    by_name = {row.name: row for row in rows}
    return [
        Goal(f"{name}, of {base}", by_name[name].of(by_name[base]), bound, at_least=True)
        for name, base, bound in ROW_GOALS
        if {name, base} <= by_name.keys()
    ]


def deciding_goals(found: Mapping[str, float]) -> list[Goal]:
    return [
        Goal("one decision among 10 routes, µs (CPython)", found["few_us"], 15),
        Goal("one decision among 10,000 routes, times 10's", found["ratio"], 1.5),
    ]


def keys_goals(found: Mapping[str, float]) -> list[Goal]:
    return [Goal("a key among 100,000, times one among 10", found["ratio"], 1.1)]


def loading_goals(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Goal]:
    edge = found["edge"]
    return [
        Goal("1,000 routes from YAML at the edge, ms", edge["yaml"]["first_ms"], 1_500),
        Goal("1,000 routes from their compiled form, ms", edge["compiled"]["first_ms"], 60),
    ]


def loading_table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    lines = [f"{'1,000 routes':<16} {'first ms':>10} {'warm ms':>10}"]
    for place, forms in found.items():
        for form, taken in forms.items():
            name = f"{place}, {form}"
            lines.append(f"{name:<16} {taken['first_ms']:>10,.0f} {taken['warm_ms']:>10,.0f}")
    return "\n".join(lines)


def goals_table(goals: Sequence[Goal]) -> str:
    return "\n".join(goal.told() for goal in goals)


def write(path: Path, rows: Sequence[Measured], goals: Sequence[Goal], more: Any) -> None:
    """`rows` and the names in it are a contract; what stands beside it may change."""
    found = {
        "rows": [row.told() for row in rows],
        **more,
        "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals],
    }
    write_if_changed(path, (json.dumps(found, indent=2) + "\n").encode())
