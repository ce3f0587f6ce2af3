"""Compiles rollouts to the tables that `policies.rollouts.plan.plan_from` reads."""

from __future__ import annotations

from typing import Any

from policies.basics.regex_compiler import compile_pattern
from policies.language.model.conditions import HeaderMatch
from policies.language.model.policy import Route
from policies.language.model.rollouts import Analysis, Rollout, Step

NOT_COMPARED = 1.0  # no increase can exceed it


def rollout_tables(rollouts: list[Rollout]) -> list[list[Any]]:
    return [_rollout(rollout) for rollout in rollouts]


def dormant_pools(route: Route) -> list[str]:
    """Return the pools with weight 0. A rollout may give them traffic, even one that was removed
    from the policy while it was running."""
    return [pool for pool, share in (route.split or {}).items() if not share.weight]


def _rollout(rollout: Rollout) -> list[Any]:
    analysis = rollout.analysis
    interval = analysis.interval if analysis else 0
    return [
        rollout.name,
        rollout.routes,
        rollout.source,
        rollout.to,
        [_step(step, interval) for step in rollout.steps],
        analysis and _analysis(analysis),
        rollout.on_success == "promote",
        rollout.on_failure == "rollback",
        [[window.start, window.duration] for window in rollout.schedule],
    ]


def _step(step: Step, interval: int) -> list[Any]:
    header = step.header and _header(step.header)
    values = {"weight": step.weight, "header": header, "key": step.key, "mirror": step.mirror}
    kind, value = next((kind, value) for kind, value in values.items() if value is not None)
    return [kind, value, interval if step.hold is None else step.hold, step.pause]


def _header(match: HeaderMatch) -> list[Any]:
    """`[name, value or None, automaton or None, pattern or None]`."""
    name = match.name.lower()
    if match.regex is None:
        return [name, match.value, None, None]
    return [name, None, compile_pattern(match.regex).to_json(), match.regex]


def _analysis(analysis: Analysis) -> list[Any]:
    increase = analysis.max_error_rate_increase
    return [
        analysis.interval,
        analysis.min_requests,
        analysis.max_error_rate,
        None if increase >= NOT_COMPARED else increase,
        analysis.max_p50,
        analysis.max_p95,
        analysis.max_p99,
        analysis.max_latency_increase,
        analysis.failure_limit,
        analysis.dry_run,
        [[each.name, each.binding, each.path, each.timeout] for each in analysis.checks],
    ]
