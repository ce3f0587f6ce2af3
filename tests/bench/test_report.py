"""How measured rows are compared."""

from __future__ import annotations

from bench.load import Count
from bench.report import (
    P99_GOALS,
    ROW_GOALS,
    Goal,
    deciding_goals,
    goals_table,
    loading_goals,
    ratios_table,
    rows_goals,
    rows_table,
)
from bench.rows import ALL_ROWS
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


def p99(name: str, *milliseconds: float) -> Measured:
    return Measured(name, tuple(Count(1_000, 1.0, 10.0, each, 0.5) for each in milliseconds))


def test_the_slowest_answers_are_compared_round_by_round() -> None:
    reflare = p99("reflare", 20, 60, 20)
    rates = {goal.what: goal for goal in rows_goals([p99("router", 20, 50, 19), reflare])}
    goal = rates["p99 of router, times reflare's"]
    assert (goal.value, goal.reached) == (0.95, True)
    (slower,) = rows_goals([p99("router", 22, 60, 30), reflare])[1:]
    assert (slower.value, slower.reached) == (1.1, False)


def test_goals_name_rows_that_there_are() -> None:
    for name, base, _ in (*ROW_GOALS, *P99_GOALS):
        assert {name, base} <= ALL_ROWS.keys()


def test_a_goal_is_reached_at_its_bound_and_not_beside_it() -> None:
    def reached(goals: list[Goal]) -> list[bool]:
        return [goal.reached for goal in goals]

    assert reached(deciding_goals({"few_us": 10, "ratio": 1.2})) == [True, True]
    assert reached(deciding_goals({"few_us": 10.1, "ratio": 1.21})) == [False, False]
    for first_ms, is_reached in ((50, True), (51, False)):
        edge = {"yaml": {"first_ms": 1.0}, "compiled": {"first_ms": float(first_ms)}}
        assert loading_goals({"edge": edge})[1].reached is is_reached
    for part, is_reached in ((580, True), (579, False)):
        (goal,) = rows_goals([row("router", part), row("js-forward", 1_000)])
        assert goal.reached is is_reached


def test_a_ratio_is_told_with_the_middle_half_of_its_rounds() -> None:
    here, there = row("router", 97, 98, 99, 100, 30), row("router@main", *[100] * 5)
    _, line = ratios_table([(here, there)]).splitlines()
    assert line.split()[:3] == ["router,", "of", "router@main"]
    assert line.split()[3:7] == ["0.980", "0.970", "to", "0.990"]


def test_the_name_of_a_row_of_another_clone_fits_the_table() -> None:
    rows = [row("router", 1), row("router-guarded@a-long-name", 1)]
    assert len({len(line) for line in rows_table(rows, bases=()).splitlines()}) == 1
