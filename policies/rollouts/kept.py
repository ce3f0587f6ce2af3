"""The stored state of a rollout, so that a restart changes nothing.

What cannot be read is not guessed. If the share of the new pool is still known, the rollout holds
there; otherwise isolates keep the share that they know.
"""

from __future__ import annotations

from policies.basics.untyped import JsonMapping, JsonObject
from policies.compiled.form.codec import Codec
from policies.compiled.rollout_plan import RolloutPlan
from policies.rollouts.analysis import Analysis
from policies.rollouts.run import Run
from policies.rollouts.states import UNDONE, RolloutEvent, RolloutState
from policies.rollouts.world import Planned, Setting

PLAN = Codec(RolloutPlan)
UNREAD = "its state could not be read"
LOST = "its state was lost; this is where its copy has it"


def run_json(run: Run) -> JsonObject:
    return {
        "id": run.id,
        "plan": PLAN.write(run.plan),
        "setting": run.setting,
        "by": run.by,
        "state": run.state,
        "reason": run.reason,
        "note": run.note,
        "started_ms": run.started_ms,
        "since_ms": run.since_ms,
        "step_ms": run.step_ms,
        "step": run.step,
        "weight": run.weight,
        "has_passed": run.has_passed,
        "is_approved": run.is_approved,
        "is_settled_ms": run.is_settled_ms,
        "edit": run.edit,
        "was": run.was,
        "analysis": run.analysis and run.analysis.to_json(),
    }


def run_from(value: JsonMapping, now_ms: int) -> Run:
    """Return the run that `run_json` wrote; it is held if parts of it cannot be read. Raises
    `ValueError` without a readable plan and weight."""
    try:
        plan, setting = PLAN.read(value["plan"]), Setting(*value["setting"])
        run = Run(str(value["id"]), Planned(plan, setting), now_ms, str(value["by"]))
        weight = value["weight"]
        run.weight = None if weight is None else float(weight)
        run.step = min(max(0, int(value["step"])), len(plan.steps) - 1)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a rollout: {error!r}") from error
    try:
        _restore(run, plan, value)
    except (ValueError, KeyError, TypeError, AttributeError):
        run.analysis = Analysis(plan.terms, now_ms) if plan.terms else None
        run.move(RolloutEvent.STATE_LOST, now_ms, UNREAD)
    return run


def _restore(run: Run, plan: RolloutPlan, value: JsonMapping) -> None:
    state, was = RolloutState(value["state"]), value["was"] and RolloutState(value["was"])
    if was and was not in UNDONE:
        raise ValueError(was)
    run.reason, run.note, run.edit, run.was = (
        str(value["reason"]),
        value["note"],
        value["edit"],
        was,
    )
    for name in ("started_ms", "since_ms", "step_ms"):
        setattr(run, name, int(value[name]))
    run.has_passed, run.is_approved = bool(value["has_passed"]), bool(value["is_approved"])
    settled = value["is_settled_ms"]
    run.is_settled_ms = None if settled is None else int(settled)
    if run.analysis:
        run.analysis.restore(value["analysis"])
    run.state = state
