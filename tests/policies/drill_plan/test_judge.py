"""Whole runs, and what is said of them: each objective met, missed, or not to be judged."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from policies.drill_plan.judge import Judged, doubts, evidence, judge, verdict
from policies.drill_plan.model import Objectives
from policies.drill_plan.outcomes import DrillOutcome, DrillRun
from tests.policies.drill_plan.making import outcome, run_of, traffic

THIRD = {"eu": 1, "us": 1, "ap": 1}
NONE = {"eu": 0, "us": 1, "ap": 1}
# Before the drill 10 s, in it 30 s (it takes 2 s to leave), after it 60 s (12 s to be back).
GOOD = traffic((0, THIRD), (12, NONE), (52, THIRD), end=100)
STAYS = traffic((0, THIRD), end=100)
GONE = traffic((0, THIRD), (12, NONE), end=100)
ELSEWHERE = traffic((0, NONE), end=100)


def slower(
    outcomes: list[DrillOutcome], seconds: float, begin: float = 10, end: float = 40
) -> DrillRun:
    return run_of([o._replace(seconds=seconds) if begin <= o.at < end else o for o in outcomes])


def spoilt(outcomes: list[DrillOutcome], every: int, **fields: object) -> DrillRun:
    """Every so many-th outcome is different."""
    return run_of(
        [o._replace(**fields) if i % every == 0 else o for i, o in enumerate(outcomes)]  # type: ignore[arg-type]
    )


def cut(outcomes: Iterable[DrillOutcome], at: float, **marks: float | None) -> DrillRun:
    return run_of([o for o in outcomes if o.at < at], finished=at, complete=False, **marks)  # type: ignore[arg-type]


SILENT = run_of([o._replace(variant="") for o in GOOD])
IN_BASELINE = cut(GOOD, 8, began=None, ended=None)
IN_FAILURE = cut(GOOD, 30, ended=None)
IN_RECOVERY = cut(GOOD, 45)
CASES: list[tuple[str, DrillRun, str, str, float | None, bool | None, str]] = [
    ("none", run_of(GOOD), "error_rate", "0%", 0.0, True, ""),
    ("503s", spoilt(GOOD, 100, status=503), "error_rate", "1%", 0.01, True, ""),
    ("503s", spoilt(GOOD, 100, status=503), "error_rate", "0.9%", 0.01, False, ""),
    ("404s", spoilt(GOOD, 100, status=404), "error_rate", "0%", 0.0, True, ""),
    ("timeouts", spoilt(GOOD, 50, status=0, failure="x"), "error_rate", "1%", 0.02, False, ""),
    ("nothing", run_of([], None, None), "error_rate", "1%", None, None, "no request"),
    ("good so far", IN_RECOVERY, "error_rate", "1%", 0.0, None, "as planned"),
    (
        *("bad enough", cut(spoilt(GOOD, 10, status=500).outcomes, 45)),
        *("error_rate", "1%", 0.1, False, ""),
    ),
    ("2 s", run_of(GOOD), "leave_within", "5s", 2.0, True, ""),
    ("2 s", run_of(GOOD), "leave_within", "1s", 2.0, False, ""),
    ("stays", run_of(STAYS), "leave_within", "5s", None, False, "never stayed below 1 %"),
    ("in time", IN_RECOVERY, "leave_within", "5s", 2.0, None, "as planned"),
    ("too early", IN_FAILURE, "leave_within", "5s", None, None, "before the failure phase"),
    ("too early", IN_BASELINE, "leave_within", "5s", None, None, "before the failure phase"),
    ("silent", SILENT, "leave_within", "5s", None, None, "no response named"),
    ("never there", run_of(ELSEWHERE), "leave_within", "5s", None, None, "in the baseline"),
    ("12 s", run_of(GOOD), "return_within", "15s", 12.0, True, ""),
    ("12 s", run_of(GOOD), "return_within", "10s", 12.0, False, ""),
    ("gone", run_of(GONE), "return_within", "60s", None, False, "when the run ended"),
    ("too early", IN_RECOVERY, "return_within", "60s", None, None, "as planned"),
    ("too early", IN_FAILURE, "return_within", "60s", None, None, "before the drill was over"),
    ("silent", SILENT, "return_within", "60s", None, None, "no response named"),
    ("20 ms", run_of(GOOD), "p95", "20ms", 0.02, True, ""),
    ("80 ms", slower(GOOD, 0.08), "p95", "79ms", 0.08, False, ""),
    ("slow before", slower(GOOD, 9, 0, 10), "p95", "20ms", 0.02, True, ""),
    ("too early", IN_BASELINE, "p95", "20ms", None, None, "before the failure phase"),
    ("half as much again", slower(GOOD, 0.03), "extra_latency", "50%", 0.5, True, ""),
    ("twice as much", slower(GOOD, 0.04), "extra_latency", "99.9%", 1.0, False, ""),
    ("quicker", slower(GOOD, 0.01), "extra_latency", "0%", -0.5, True, ""),
    ("too early", IN_BASELINE, "extra_latency", "50%", None, None, "before the failure phase"),
]


@pytest.mark.parametrize(
    ("why", "run", "name", "target", "measured", "passed", "said"),
    CASES,
    ids=lambda case: case if isinstance(case, str) else None,
)
def test_objective(
    why: str,
    run: DrillRun,
    name: str,
    target: str,
    measured: float | None,
    passed: bool | None,
    said: str,
) -> None:
    [judged] = judge(Objectives.model_validate({name: target}), evidence(run))
    assert judged.measured == (measured and pytest.approx(measured, abs=0.06))
    assert judged.passed is passed
    assert said in judged.why if said else judged.why == ""


def test_only_what_the_plan_names_is_judged_in_the_order_of_the_language() -> None:
    wanted = {"p95": "1s", "error_rate": "1%", "leave_within": "4s"}
    judged = judge(Objectives.model_validate(wanted), evidence(run_of(GOOD)))
    assert [(each.name, each.unit, each.target) for each in judged] == [
        ("error_rate", "share", 0.01),
        ("leave_within", "seconds", 4.0),
        ("p95", "seconds", 1.0),
    ]


def judged(*passed: bool | None) -> list[Judged]:
    return [Judged("p95", "seconds", 1.0, None, each, "") for each in passed]


@pytest.mark.parametrize(
    ("objectives", "run", "wanted"),
    [
        (judged(True, True), run_of(GOOD), "met"),
        (judged(True, False, None), run_of(GOOD), "not met"),
        (judged(True, None), run_of(GOOD), "not judged"),
        (judged(True), run_of(GOOD, complete=False), "not judged"),
        (judged(False), run_of(GOOD, complete=False), "not met"),
        (judged(True), run_of(GOOD, not_started=(1.0,) * 40), "met"),
        (judged(True), run_of(GOOD, not_started=(1.0,) * 41), "not judged"),
    ],
)
def test_verdict(objectives: list[Judged], run: DrillRun, wanted: str) -> None:
    assert verdict(objectives, run) == wanted


def test_doubts() -> None:
    assert doubts(evidence(run_of(GOOD))) == []
    [missing] = doubts(evidence(run_of(GOOD, not_started=(1.0, 2.0))))
    assert missing.startswith("2 of 4,002 requests could not be started")
    [few] = doubts(evidence(run_of([outcome(i / 2) for i in range(20)])))
    assert "only 20 responses" in few
