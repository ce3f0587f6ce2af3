"""How measured rows are compared."""

from __future__ import annotations

from bench.load import Count
from bench.report import goals_table, rows_goals, rows_table
from bench.throughput import Measured


def row(name: str, *rates: float) -> Measured:
    rounds = (Count(round(rate), 1.0, 10.0, 20.0, 0.5) for rate in rates)
    return Measured(name, tuple(rounds))


# Something else ran in the second round, and slowed all rows down.
ROUTER = row("router", 900, 300, 990)
NO_HEALTH = row("router-no-health", 1_000, 330, 1_000)


def test_a_ratio_is_of_rounds_that_met_the_same_machine() -> None:
    assert ROUTER.of(NO_HEALTH) == 300 / 330
    assert NO_HEALTH.of(NO_HEALTH) == 1


def test_only_rows_that_were_measured_have_goals() -> None:
    (goal,) = rows_goals([ROUTER, NO_HEALTH])
    assert (goal.what, goal.reached) == ("router, of router-no-health", False)
    assert "NOT REACHED" in goals_table([goal])
    assert rows_goals([ROUTER]) == []


def test_the_table_compares_with_the_bases_that_are_there() -> None:
    head, router, base = rows_table([ROUTER, NO_HEALTH]).splitlines()
    assert "of router-no-health" in head
    assert router.split()[:3] == ["router", "900", "0.91"]
    assert base.split()[2] == "1.00"
