"""Prints a line per second while a drill runs: the phase, the responses by variant, failures."""

from __future__ import annotations

from collections import Counter

from policies.drill_plan.model import DrillPlan
from policies.drill_plan.outcomes import DrillOutcome
from router.drill.conduct import Course
from router.drill.survey import Surveyed
from router.drill.traffic import Clients
from router.terminal.console import err, say

STYLES = {"baseline": "dim", "failure": "yellow", "recovery": "cyan"}


class Progress:
    """Prints to standard error, since standard output is for the result."""

    def __init__(self, plan: DrillPlan, router: Surveyed) -> None:
        self._plan = plan
        self._places = router.places
        self._told = 0
        self._told_at = 0.0

    def __call__(self, course: Course, clients: Clients) -> None:
        """Print a line about all requests that have ended since the previous one."""
        new = clients.outcomes[self._told :]
        passed = clients.now - self._told_at
        self._told, self._told_at = self._told + len(new), clients.now
        errors = sum(outcome.is_error for outcome in new)
        rate = len(new) / passed if passed > 0 else 0.0
        say(
            (f"{clients.now:6.0f} s  ", "dim"),
            (f"{course.phase:<9}", STYLES[course.phase]),
            f"{rate:6.0f}/s  ",
            (f"{errors:>4} failed", "bold red" if errors else "dim"),
            f"  {self._where(new)}",
            to=err,
        )

    def _where(self, outcomes: list[DrillOutcome]) -> str:
        """Return the target first, then the others by name, in fixed columns."""
        kind, target = self._plan.drill.target
        answers = Counter(outcome.variant for outcome in outcomes if outcome.status)
        counts = self._places.grouped(kind, answers)
        others = sorted({*self._places.names(kind), *counts} - {target})
        return "  ".join(f"{name} {counts.get(name, 0):>3}" for name in (target, *others))
