"""A rollout as the policy has it: its routes and pools, its steps, and its analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.basics.durations import duration_text
from policies.basics.regex import Program

if TYPE_CHECKING:
    from policies.api import rollouts as api

WHOLE = 100.0


class CohortHeader(NamedTuple):
    """Requests with a header that has this `value`, or matches `program`; `pattern` is its text."""

    name: str
    value: str | None
    program: Program | None
    pattern: str | None

    def to_dict(self) -> api.HeaderMatch:
        if self.pattern is not None:
            return {"name": self.name, "regex": self.pattern}
        return {"name": self.name, "value": self.value or ""}


class WeightStep(NamedTuple):
    """`value`: the percentage of the new pool; `pause`: the step waits for approval."""

    kind: Literal["weight"]
    value: float
    hold_ms: int
    pause: bool


class HeaderStep(NamedTuple):
    """Requests with that header go to the new pool as well."""

    kind: Literal["header"]
    value: CohortHeader
    hold_ms: int
    pause: bool


class KeyStep(NamedTuple):
    """Clients with API keys of these ids go to the new pool as well."""

    kind: Literal["key"]
    value: tuple[str, ...]
    hold_ms: int
    pause: bool


class MirrorStep(NamedTuple):
    """`value`: the share of requests that is mirrored, from 0 to 1."""

    kind: Literal["mirror"]
    value: float
    hold_ms: int
    pause: bool


Step = WeightStep | HeaderStep | KeyStep | MirrorStep


def step_text(step: Step) -> str:
    """Return the step as text."""
    if step.kind == "weight":
        return f"{step.value:g} %"
    if step.kind == "mirror":
        return f"mirror {step.value * 100:g} %"
    if step.kind == "key":
        return f"keys {', '.join(step.value)}"
    header = step.value
    return f"header {header.name}: {header.value if header.pattern is None else header.pattern}"


def step_to_dict(step: Step) -> api.Step:
    rest: api.Step = {"hold": duration_text(step.hold_ms), "pause": step.pause}
    if step.kind == "weight":
        return {"weight": step.value, **rest}
    if step.kind == "mirror":
        return {"mirror": f"{step.value * 100:g}%", **rest}
    return {**cohort_to_dict(step), **rest}


def cohort_to_dict(step: HeaderStep | KeyStep) -> api.Cohort:
    return {"key": list(step.value)} if step.kind == "key" else {"header": step.value.to_dict()}


class Check(NamedTuple):
    """A request to a service binding, whose status is the result."""

    name: str
    binding: str
    path: str
    timeout_ms: int


class AnalysisSpec(NamedTuple):
    """The limits of an analysis; None for no limit. Rates from 0 to 1, times in milliseconds."""

    interval_ms: int
    min_requests: int
    error_rate: float | None
    error_increase: float | None
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    latency_increase: float | None
    failure_limit: int
    dry_run: bool
    checks: tuple[Check, ...]

    @property
    def compares(self) -> bool:
        """Whether the old pool is compared, too."""
        return self.error_increase is not None or self.latency_increase is not None


class RolloutPlan(NamedTuple):
    """`windows`: pairs of cron fields and of the time after each run in which steps may be taken;
    without any, always."""

    name: str
    routes: tuple[str, ...]
    source: str
    to: str
    steps: tuple[Step, ...]
    terms: AnalysisSpec | None
    promotes: bool
    rolls_back: bool
    windows: tuple[tuple[str, int], ...]
