"""Evaluates a drill: its measured values against the plan's objectives.

- An objective is met, missed, or not measurable, with a reason; an objective that is not
  measurable does not count as met.
- A run that did not go as planned can miss objectives, but meets none.
- All values are measured by the clients; the router's own numbers do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from policies.drill_plan.model import Objectives
from policies.drill_plan.moments import BACK_SHARE, LEFT_SHARE, Answers
from policies.drill_plan.outcomes import DrillRun
from policies.drill_plan.tally import Count, by_phase

Unit = Literal["share", "seconds"]
Verdict = Literal["met", "not met", "not judged"]
MOST_NOT_STARTED = 0.01  # of the traffic; if more is missing, the run proves nothing
FEW_ANSWERS = 30  # of a target in the baseline; with fewer, its share is not reliable

NO_FAILURE = "the run ended before the failure phase was over"
NO_RECOVERY = "the run ended before the drill was over"
SILENT = "no response named its variant"
CUT_SHORT = "the run did not go as planned"


class Measured(NamedTuple):
    """A value, or the reason why there is none."""

    value: float | None
    text: str = ""
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """One objective; `passed` is None if it could not be judged."""

    name: str
    unit: Unit
    target: float
    measured: float | None
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class DrillEvidence:
    """A run, with values that several objectives need."""

    run: DrillRun
    answers: Answers
    phases: dict[str, Count]

    @property
    def baseline_share(self) -> float | None:
        """Return the targets' share of the responses before the drill."""
        span = self.run.span("baseline")
        return self.answers.share(span.begin, span.end) if span else None

    @property
    def left_at(self) -> float | None:
        marks = self.run.marks
        if marks.began is None or marks.ended is None:
            return None
        return self.answers.left(marks.began, marks.ended)

    @property
    def back_at(self) -> float | None:
        marks, share = self.run.marks, self.baseline_share
        if marks.ended is None or not share:
            return None
        return self.answers.back(marks.ended, marks.finished, share)

    def p95(self, phase: str) -> float | None:
        counted = self.phases.get(phase)
        return counted.latency.p95 / 1000 if counted and counted.latency else None


def evidence(run: DrillRun) -> DrillEvidence:
    return DrillEvidence(
        run, Answers(run.answers()), {summary.phase: summary for summary in by_phase(run)}
    )


def judge(objectives: Objectives, seen: DrillEvidence) -> list[Judged]:
    """Return the verdict on each objective of the plan, in the order of the language."""
    return [
        _judged(seen, name, unit, float(target) / scale, measure(seen))
        for name, unit, scale, measure in _MEASURES
        if (target := getattr(objectives, name)) is not None
    ]


def _judged(seen: DrillEvidence, name: str, unit: Unit, target: float, found: Measured) -> Judged:
    passed: bool | None = None
    why = found.text
    if found.missed or (found.value is not None and found.value > target):
        passed = False
    elif found.value is not None:
        passed = True if seen.run.complete else None
        why = why or ("" if seen.run.complete else CUT_SHORT)
    return Judged(name, unit, target, found.value, passed, why)


def _error_rate(seen: DrillEvidence) -> Measured:
    outcomes = seen.run.outcomes
    if not outcomes:
        return Measured(None, "no request was sent")
    return Measured(sum(outcome.is_error for outcome in outcomes) / len(outcomes))


def _unjudgeable(seen: DrillEvidence) -> str:
    """Return why the target's share is not measurable; "" if it is."""
    answered = [outcome.variant for outcome in seen.run.outcomes if outcome.status]
    if answered and not any(answered):
        return SILENT
    return "" if seen.baseline_share else "the target gave no response in the baseline"


def _leave_within(seen: DrillEvidence) -> Measured:
    marks, why = seen.run.marks, _unjudgeable(seen)
    if why or marks.began is None or marks.ended is None:
        return Measured(None, why or NO_FAILURE)
    left = seen.left_at
    if left is None:
        text = f"its share never stayed below {LEFT_SHARE * 100:g} % of the responses"
        return Measured(None, text, missed=True)
    return Measured(left - marks.began)


def _return_within(seen: DrillEvidence) -> Measured:
    marks, why = seen.run.marks, _unjudgeable(seen)
    if why or marks.ended is None:
        return Measured(None, why or NO_RECOVERY)
    back = seen.back_at
    if back is None and not seen.run.complete:
        return Measured(None, CUT_SHORT)
    if back is None:
        text = f"it did not have {BACK_SHARE * 100:g} % of its share again when the run ended"
        return Measured(None, text, missed=True)
    return Measured(back - marks.ended)


def _p95(seen: DrillEvidence) -> Measured:
    value = seen.p95("failure")
    return Measured(value, "" if value is not None else NO_FAILURE)


def _extra_latency(seen: DrillEvidence) -> Measured:
    before, value = seen.p95("baseline"), seen.p95("failure")
    if not before or value is None:
        return Measured(None, NO_FAILURE)
    return Measured(value / before - 1)


# Name, unit, the divisor that converts the plan's value to that unit, how it is measured.
_MEASURES: tuple[tuple[str, Unit, float, Callable[[DrillEvidence], Measured]], ...] = (
    ("error_rate", "share", 1, _error_rate),
    ("leave_within", "seconds", 1000, _leave_within),
    ("return_within", "seconds", 1000, _return_within),
    ("p95", "seconds", 1000, _p95),
    ("extra_latency", "share", 1, _extra_latency),
)


def doubts(seen: DrillEvidence) -> list[str]:
    """Return why the run proves less than it should."""
    run, found = seen.run, list[str]()
    if run.not_started:
        wanted = len(run.not_started) + len(run.outcomes)
        found.append(
            f"{len(run.not_started):,} of {wanted:,} requests could not be started in time: too "
            "many were under way, or the machine that sent them was too slow"
        )
    baseline = seen.phases["baseline"]
    hits = sum(baseline.answers.get(name, 0) for name in run.targets)
    if 0 < hits < FEW_ANSWERS:
        found.append(
            f"the target gave only {hits} responses in the baseline, so its share is "
            "imprecise; send more requests, or for longer"
        )
    return found


def verdict(judged: list[Judged], run: DrillRun) -> Verdict:
    """Return the verdict on the run: one missed objective decides, and doubt is not success."""
    if any(objective.passed is False for objective in judged):
        return "not met"
    wanted = len(run.not_started) + len(run.outcomes)
    is_driven = len(run.not_started) <= MOST_NOT_STARTED * wanted
    certain = run.complete and is_driven and all(objective.passed for objective in judged)
    return "met" if certain else "not judged"
