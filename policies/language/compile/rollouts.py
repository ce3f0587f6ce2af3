"""Compiles rollouts."""

from __future__ import annotations

from policies.basics.regex_compiler import compile_pattern
from policies.compiled.rollout_plan import (
    AnalysisSpec,
    Check,
    CohortHeader,
    HeaderStep,
    KeyStep,
    MirrorStep,
    RolloutPlan,
    WeightStep,
)
from policies.compiled.rollout_plan import Step as PlanStep
from policies.language.model.conditions import HeaderMatch
from policies.language.model.policy import Route
from policies.language.model.rollouts import Analysis, Rollout, Step

NOT_COMPARED = 1.0  # no increase can exceed it


def rollout_plans(rollouts: list[Rollout]) -> tuple[RolloutPlan, ...]:
    return tuple(_rollout(rollout) for rollout in rollouts)


def dormant_pools(route: Route) -> list[str]:
    """Return the pools with weight 0. A rollout may give them traffic, even one that was removed
    from the policy while it was running."""
    return [pool for pool, share in (route.split or {}).items() if not share.weight]


def _rollout(rollout: Rollout) -> RolloutPlan:
    analysis = rollout.analysis
    interval = analysis.interval if analysis else 0
    return RolloutPlan(
        name=rollout.name,
        routes=tuple(rollout.routes),
        source=rollout.source,
        to=rollout.to,
        steps=tuple(_step(step, interval) for step in rollout.steps),
        terms=_analysis(analysis) if analysis else None,
        promotes=rollout.on_success == "promote",
        rolls_back=rollout.on_failure == "rollback",
        windows=tuple((window.start, window.duration) for window in rollout.schedule),
    )


def _step(step: Step, interval: int) -> PlanStep:
    hold_ms = interval if step.hold is None else step.hold
    if step.weight is not None:
        return WeightStep("weight", step.weight, hold_ms, step.pause)
    if step.header is not None:
        return HeaderStep("header", _header(step.header), hold_ms, step.pause)
    if step.key is not None:
        return KeyStep("key", tuple(step.key), hold_ms, step.pause)
    return MirrorStep("mirror", step.mirror or 0, hold_ms, step.pause)


def _header(match: HeaderMatch) -> CohortHeader:
    return CohortHeader(
        name=match.name.lower(),
        value=match.value if match.regex is None else None,
        program=None if match.regex is None else compile_pattern(match.regex),
        pattern=match.regex,
    )


def _analysis(analysis: Analysis) -> AnalysisSpec:
    increase = analysis.max_error_rate_increase
    return AnalysisSpec(
        interval_ms=analysis.interval,
        min_requests=analysis.min_requests,
        error_rate=analysis.max_error_rate,
        error_increase=None if increase >= NOT_COMPARED else increase,
        p50_ms=analysis.max_p50,
        p95_ms=analysis.max_p95,
        p99_ms=analysis.max_p99,
        latency_increase=analysis.max_latency_increase,
        failure_limit=analysis.failure_limit,
        dry_run=analysis.dry_run,
        checks=tuple(
            Check(name=check.name, binding=check.binding, path=check.path, timeout_ms=check.timeout)
            for check in analysis.checks
        ),
    )
