"""A rollout as the policy has it: whose traffic moves where, in which steps, judged how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from policies.basics.durations import duration_text

if TYPE_CHECKING:
    from policies.api import rollouts as api

WHOLE = 100.0

Kind = Literal["weight", "header", "key", "mirror"]


class Step(NamedTuple):
    """`value`: a weight in percent; a header's `[name, value, automaton, pattern]`; ids of
    keys; the share of requests that is mirrored. `pause`: it waits for somebody's approval."""

    kind: Kind
    value: Any
    hold_ms: int
    pause: bool

    @property
    def text(self) -> str:
        if self.kind == "weight":
            return f"{self.value:g} %"
        if self.kind == "mirror":
            return f"mirror {self.value * 100:g} %"
        if self.kind == "key":
            return f"keys {', '.join(self.value)}"
        name, value, _, pattern = self.value
        return f"header {name}: {value if pattern is None else pattern}"

    def to_dict(self) -> api.Step:
        return {
            **cast("api.Step", {self.kind: self.value_to_json()}),
            "hold": duration_text(self.hold_ms),
            "pause": self.pause,
        }

    def cohort_to_dict(self) -> api.Cohort:
        return cast("api.Cohort", {self.kind: self.value_to_json()})

    def value_to_json(self) -> Any:
        if self.kind == "mirror":
            return f"{self.value * 100:g}%"
        if self.kind != "header":
            return self.value
        name, value, _, pattern = self.value
        return {"name": name} | ({"value": value} if pattern is None else {"regex": pattern})


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
    """`table`: what it was made from. `windows`: cron fields and how long from each run on it
    may take a step; without any always."""

    name: str
    routes: tuple[str, ...]
    source: str
    to: str
    steps: tuple[Step, ...]
    terms: AnalysisSpec | None
    promotes: bool
    rolls_back: bool
    windows: tuple[tuple[str, int], ...]
    table: list[Any]


def plan_from(table: Sequence[Any]) -> RolloutPlan:
    """From `[name, routes, from, to, steps, analysis, promotes, rolls back, windows]`."""
    name, routes, source, to, steps, terms, promotes, rolls_back, windows = table
    return RolloutPlan(
        name,
        tuple(routes),
        source,
        to,
        tuple(Step(*step) for step in steps),
        _terms(terms) if terms else None,
        promotes,
        rolls_back,
        tuple((start, for_ms) for start, for_ms in windows),
        list(table),
    )


def _terms(table: Sequence[Any]) -> AnalysisSpec:
    *values, checks = table
    return AnalysisSpec._make([*values, tuple(Check(*check) for check in checks)])
