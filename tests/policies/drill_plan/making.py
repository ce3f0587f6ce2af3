"""Synthetic traffic whose truth is known: who answered what, when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from policies.drill_plan.outcomes import DrillOutcome, DrillRun, Marks
from policies.drill_plan.schedule import order

RATE = 40
Shares = Mapping[str, float]


def outcome(at: float, variant: str = "eu", **more: object) -> DrillOutcome:
    fields = {"seconds": 0.02, "status": 200, "variant": variant, "failure": "", "request": "r"}
    return DrillOutcome(at=at, **{**fields, **more})  # type: ignore[arg-type]


def traffic(*stretches: tuple[float, Shares], end: float, rate: int = RATE) -> list[DrillOutcome]:
    """From each moment on, variants answer in these shares, as evenly as can be."""
    made = []
    for (begin, shares), (until, _) in pairwise([*stretches, (end, {})]):
        names, turns = [*shares], order([*shares.values()])
        count = round((until - begin) * rate)
        made += [outcome(begin + i / rate, names[next(turns)]) for i in range(count)]
    return made


def answers(outcomes: list[DrillOutcome], target: str = "eu") -> Iterator[tuple[float, bool]]:
    return ((each.at, each.variant == target) for each in outcomes)


def run_of(
    outcomes: list[DrillOutcome],
    began: float | None = 10.0,
    ended: float | None = 40.0,
    finished: float = 100.0,
    *,
    not_started: tuple[float, ...] = (),
    complete: bool = True,
) -> DrillRun:
    marks = Marks(began, ended, finished)
    return DrillRun(outcomes, not_started, marks, frozenset({"eu"}), complete)
