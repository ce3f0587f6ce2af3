"""Loads a drill plan: from bytes to a plan, or to all findings.

The stages are those of `routes.yaml` (`policies/language/load.py`): YAML, fields and values, and
checks of several values. Loading never raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from policies.basics.durations import duration_text
from policies.basics.untyped import JsonObject
from policies.drill_plan.model import DrillPlan
from policies.drill_plan.moments import BACK_FOR_S, LEFT_FOR_S
from policies.language.check.check import placed
from policies.language.findings.findings import Finding
from policies.language.findings.found import Found
from policies.language.load import digest_of, errors_in, in_order
from policies.language.yaml.budget import Budget
from policies.language.yaml.composer import PLAN
from policies.language.yaml.document import Document, read_document

MAX_REQUESTS = 500_000  # of one run; all outcomes are in memory until the report is written


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """The result of loading: `plan` is None if and only if there are findings; `value` is the
    document as written."""

    digest: str
    plan: DrillPlan | None
    value: JsonObject
    findings: tuple[Finding, ...]


def load_plan(data: bytes) -> LoadedPlan:
    digest = digest_of(data)
    document = read_document(data, PLAN)
    if not isinstance(document, Document):
        return LoadedPlan(digest, None, {}, tuple(document))
    plan, found = None, list[Found]()
    try:
        plan = DrillPlan.model_validate(document.value, context=Budget())
        found = [*_several(plan)]
    except ValidationError as error:
        found = errors_in(error, DrillPlan)
    findings = tuple(in_order(placed(document, found, "error")))
    return LoadedPlan(digest, None if findings else plan, document.value, findings)


def _several(plan: DrillPlan) -> Iterator[Found]:
    """Yield the findings about several values."""
    phases, goals = plan.phases, plan.objectives
    for name, phase, look_s in (
        ("leave_within", "failure", LEFT_FOR_S),
        ("return_within", "recovery", BACK_FOR_S),
    ):
        needed = (getattr(goals, name) or 0) + int(look_s * 1000)
        if getattr(goals, name) is not None and needed > getattr(phases, phase):
            message = f"the phase `{phase}` ends before this can be measured"
            hint = f"make `phases.{phase}` at least `{duration_text(needed)}`"
            yield "out-of-range", ("objectives", name), message, hint
    names = [request.name for request in plan.traffic.requests]
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"another request is also called `{name}`"
            yield "bad-name", ("traffic", "requests", index, "name"), message, "choose another name"
    seconds = (phases.baseline + phases.failure + phases.recovery) / 1000
    if seconds / plan.traffic.rate.interval_s > MAX_REQUESTS:
        message = f"all phases together have more than {MAX_REQUESTS:,} requests"
        yield "out-of-range", ("traffic", "rate"), message, "write a lower rate, or shorter phases"
