"""JSON of a rollout: for `/.router/rollouts`, the audit log, and isolates."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.basics.untyped import JsonObject
from policies.compiled.rollout_plan import RolloutPlan, cohort_to_dict, step_to_dict
from policies.resilience.drill import time_text
from policies.rollouts.windows import Windows, window_at
from policies.rollouts.world import Planned

if TYPE_CHECKING:
    from policies.api import rollouts as api
    from policies.rollouts.analysis import Analysis
    from policies.rollouts.run import Run  # which imports this module for its events


def waiting_to_dict(planned: Planned, now_ms: int, unread: str | None) -> api.Rollout:
    """Return a rollout that has not been started. `unread`: why that is not known for sure, else
    None."""
    plan, setting = planned
    return {
        **_plan(plan),
        "state": "held" if unread else "waiting",
        "reason": unread or "not started",
        "run": None,
        "by": None,
        "note": None,
        "weight": None,
        "step": None,
        "since": None,
        "started_at": None,
        "step_since": None,
        "hold_until": None,
        "mirror": None,
        "analysis": None,
        "file_weight": setting.shares,
        "cohorts": [],
        "window": _window(plan.windows, now_ms),
    }


def event_to_dict(run: Run, event: str, now_ms: int, before: float | None) -> api.RolloutEvent:
    """Return the event of a transition. `before`: the weight before it."""
    last = run.analysis.last if run.analysis else None
    return {
        "at": time_text(now_ms),
        "event": cast("api.EventName", f"rollout-{event}"),
        "rollout": run.plan.name,
        "run": run.id,
        "by": None,
        "state": run.state.value,
        "step": run.step + 1,
        "before": before,
        "weight": run.weight,
        "reason": run.reason,
        "note": None,
        "numbers": last and last.to_dict(),
    }


def override_to_dict(run: Run) -> JsonObject:
    """Return what isolates need, as `policies.rollouts.overrides` reads it."""
    plan, is_on, weight = run.plan, run.is_active, run.weight
    shares = run.setting.shares
    passed = plan.steps[: run.step + 1] if is_on else ()
    mirror = plan.steps[run.step] if is_on else None
    return {
        "name": plan.name,
        "run": run.id,
        "from": plan.source,
        "to": plan.to,
        "weights": shares if weight is None else dict.fromkeys(shares, weight),
        "cohorts": [[s.kind, s.value] for s in passed if s.kind in ("header", "key")],
        "mirror": mirror.value if mirror and mirror.kind == "mirror" else 0.0,
        "counts": is_on and plan.terms is not None,
        "is_on": is_on,
    }


def run_to_dict(run: Run, now_ms: int) -> api.Rollout:
    plan, step = run.plan, run.plan.steps[run.step]
    overrides = override_to_dict(run)
    active, analysis = run.is_active, run.analysis
    passed = plan.steps[: run.step + 1] if active else ()
    return {
        **_plan(plan),
        "state": run.state.value,
        "reason": run.reason,
        "run": run.id,
        "by": run.by,
        "note": run.note,
        "weight": run.weight,
        "file_weight": run.setting.shares,
        "step": run.step + 1,
        "since": time_text(run.since_ms),
        "started_at": time_text(run.started_ms),
        "step_since": time_text(run.step_ms),
        "hold_until": time_text(run.step_ms + step.hold_ms) if active else None,
        "cohorts": [cohort_to_dict(s) for s in passed if s.kind == "header" or s.kind == "key"],
        "mirror": overrides["mirror"] or None,
        "analysis": analysis.to_dict(_next_at(analysis, active)) if analysis else None,
        "window": _window(plan.windows, now_ms),
    }


def _plan(plan: RolloutPlan) -> api.Planned:
    return {
        "name": plan.name,
        "routes": list(plan.routes),
        "from": plan.source,
        "to": plan.to,
        "steps": [step_to_dict(step) for step in plan.steps],
    }


def _next_at(analysis: Analysis, active: bool) -> str | None:
    return time_text(analysis.due_ms) if active else None


def _window(windows: Windows, now_ms: int) -> api.Window | None:
    if not windows:
        return None
    is_open, until_ms, next_ms = window_at(windows, now_ms)
    return {
        "open": is_open,
        "until": time_text(until_ms) if until_ms else None,
        "next_at": time_text(next_ms) if next_ms else None,
    }
