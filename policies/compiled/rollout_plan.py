"""A rollout as the policy has it: whose traffic moves where, in which steps, judged how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.basics.durations import duration_text
from policies.basics.regex import Program

if TYPE_CHECKING:
    from policies.api import rollouts as api

WHOLE = 100.0


class CohortHeader(NamedTuple):
    """Requests with a header of this `value`, or one that `program` matches, whose pattern
    is `pattern`."""

    name: str
    value: str | None
    program: Program | None
    pattern: str | None

    def to_dict(self) -> api.HeaderMatch:
        if self.pattern is not None:
            return {"name": self.name, "regex": self.pattern}
        return {"name": self.name, "value": self.value or ""}


class WeightStep(NamedTuple):
    """`value`: the new pool's weight in percent; `pause`: it waits for somebody's approval."""

    kind: Literal["weight"]
    value: float
    hold_ms: int
    pause: bool


class HeaderStep(NamedTuple):
    """Requests with that header go to the new pool, too."""

    kind: Literal["header"]
    value: CohortHeader
    hold_ms: int
    pause: bool


class KeyStep(NamedTuple):
    """So do those of clients with API keys of these ids."""

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
    """For people."""
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
    """A question to a service binding, which answers with its status."""

    name: str
    binding: str
    path: str
    timeout_ms: int


class AnalysisSpec(NamedTuple):
    """How it is judged; None: not by that. Rates from 0 to 1, times in milliseconds."""

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
        """Whether the other pool is looked at, too."""
        return self.error_increase is not None or self.latency_increase is not None


class RolloutPlan(NamedTuple):
    """`windows`: cron fields and how long from each run on it may take a step; without any
    always."""

    name: str
    routes: tuple[str, ...]
    source: str
    to: str
    steps: tuple[Step, ...]
    terms: AnalysisSpec | None
    promotes: bool
    rolls_back: bool
    windows: tuple[tuple[str, int], ...]
