"""Generates the reference in `docs/drill-plans.md`: each mapping of a plan with its fields."""

from __future__ import annotations

from policies.drill_plan import model
from policies.language.tooling.reference import Parts, reference_text

_PARTS: Parts = (
    (model.DrillPlan, "the file"),
    (model.Drill, "`drill`"),
    (model.Phases, "`phases`"),
    (model.Traffic, "`traffic`"),
    (model.Request, "`traffic.requests[]`"),
    (model.Place, "`traffic.requests[].from`"),
    (model.Objectives, "`objectives`"),
)


def plan_reference() -> str:
    """Markdown, as in `docs/language.md`."""
    return reference_text(_PARTS)
