"""The actions on a rollout that has been started, and when each is allowed.

Each action is a function that changes the run, and returns None, or why it is refused. A rollback
is allowed in every state except `rolled-back`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from policies.basics.callers import caller_text
from policies.compiled.rollout_plan import WHOLE, RolloutPlan
from policies.rollouts.analysis import Analysis
from policies.rollouts.run import Run
from policies.rollouts.states import RolloutEvent, RolloutState
from policies.rollouts.world import Planned, RolloutContext


class Command(NamedTuple):
    """An action by a caller. `planned`: the rollout as the policy has it now; None if it has
    none."""

    by: str
    note: str | None
    force: bool
    planned: Planned | None
    now_ms: int
    world: RolloutContext


def approve(run: Run, command: Command) -> str | None:
    if not run.may(RolloutEvent.APPROVE):
        return f"it is {run.state}, and waits for no approval"
    step = run.plan.steps[run.step]
    if run.is_approved or not step.pause:
        return "all its steps are done: `promote` it, or roll it back"
    run.is_approved = True
    run.move(RolloutEvent.APPROVE, command.now_ms, f"step {run.step + 1} is approved")
    run.tell("approved", command.now_ms, run.weight, command.by, note=command.note)
    run.tick(command.now_ms, command.world)
    return None


def pause(run: Run, command: Command) -> str | None:
    if not run.may(RolloutEvent.PAUSE):
        return f"it is {run.state} already"
    run.move(RolloutEvent.PAUSE, command.now_ms, f"paused by {caller_text(command.by)}")
    run.tell("paused", command.now_ms, run.weight, command.by, note=command.note)
    return None


def resume(run: Run, command: Command) -> str | None:
    """Resume. Edits of the policy take effect, and the analysis begins anew."""
    if not run.may(RolloutEvent.RESUME):
        return f"it is {run.state}: there is nothing to resume"
    if command.planned is None:
        return "the policy has it no more: put it back, or roll it back"
    before, was = run.weight, run.state
    plan, setting = command.planned
    if setting.mark != run.setting.mark:
        step = _step_to_go_on(run, plan)
        if step is None:
            return "no step of it has this weight or more: add one, promote it, or roll it back"
        shares = {**setting.shares, **run.setting.shares}
        refusal = None if command.force else _moves_others(run, plan, step, shares)
        if refusal:
            return refusal
        shares = {route: shares[route] for route in setting.shares}
        run.plan, run.setting, run.step = plan, setting._replace(shares=shares), step
    if was is RolloutState.HELD:
        run.analysis = _anew(run, command.now_ms)
        run.enter(run.step, command.now_ms)
    run.edit = run.was = None
    run.move(RolloutEvent.RESUME, command.now_ms, f"resumed by {caller_text(command.by)}")
    run.tell("resumed", command.now_ms, before, command.by, note=command.note)
    run.tick(command.now_ms, command.world)
    return None


def _anew(run: Run, now_ms: int) -> Analysis | None:
    """Return a new analysis that keeps what is known of the old pool."""
    terms, was = run.plan.terms, run.analysis
    return Analysis(terms, now_ms, was.known if was else None) if terms else None


def _step_to_go_on(run: Run, plan: RolloutPlan) -> int | None:
    """Return the step of an edited plan to go on with, so that no user is moved back; None if there
    is none."""
    if run.weight is None:
        return min(run.step, len(plan.steps) - 1)
    steps = enumerate(plan.steps)
    fit = (at for at, step in steps if step.kind == "weight" and step.value >= run.weight)
    return next(fit, None)


def promote(run: Run, command: Command) -> str | None:
    if not run.may(RolloutEvent.PROMOTE):
        return f"it is {run.state} already"
    if command.planned is None:
        return "the policy has it no more: put it back, or roll it back"
    if (
        run.analysis
        and run.analysis.last
        and run.analysis.last.word == "failed"
        and not command.force
    ):
        return "its last judgement was a failure; `force` promotes it all the same"
    before = run.weight
    run.move(RolloutEvent.PROMOTE, command.now_ms, f"promoted by {caller_text(command.by)}")
    run.tell("promoted", command.now_ms, before, command.by, note=command.note)
    return None


def roll_back(run: Run, command: Command) -> str | None:
    if not run.may(RolloutEvent.ROLL_BACK):
        return "it is rolled back already"
    before = run.weight
    run.move(RolloutEvent.ROLL_BACK, command.now_ms, f"rolled back by {caller_text(command.by)}")
    run.tell("rolled-back", command.now_ms, before, command.by, note=command.note)
    return None


ACTIONS: dict[str, Callable[[Run, Command], str | None]] = {
    "approve": approve,
    "pause": pause,
    "resume": resume,
    "promote": promote,
    "rollback": roll_back,
}


def _moves_others(run: Run, plan: RolloutPlan, step: int, shares: dict[str, float]) -> str | None:
    """Return why the edited plan would take users away from their pool; None if it would not.
    `shares`: by route, the percentage of the new pool in the policy, before the first weight."""
    if (plan.source, plan.to) != (run.plan.source, run.plan.to):
        return "it has other pools now: start it anew, or `force` it to go on all the same"
    lost = [route for route in run.plan.routes if route not in plan.routes]
    if lost:
        return f"it does not move route {lost[0]} any more; `force` goes on all the same"
    now = {} if run.weight is None else dict.fromkeys(run.plan.routes, run.weight)
    return moved_back(plan, step, {**shares, **now})


def moved_back(plan: RolloutPlan, step: int, shares: Mapping[str, float]) -> str | None:
    """Return why this step would take users away from the new pool; None if it would not. `shares`:
    by route, the percentage of the new pool now."""
    first = next(
        (following.value for following in plan.steps[step:] if following.kind == "weight"), WHOLE
    )
    for route, now in shares.items():
        if now > first:
            return (
                f"route {route} gives {now:g} % to pool {plan.to} already, and the next weight is "
                f"{first:g} %, so users would be moved back; `force` does it all the same"
            )
    return None
