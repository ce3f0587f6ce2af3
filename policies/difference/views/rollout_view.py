"""The view of a rollout: its meaning."""

from __future__ import annotations

from policies.basics.durations import duration_text
from policies.difference.views.route_view import condition_text
from policies.difference.views.spelling import View, percentage, plain, unique
from policies.language.model.rollouts import Rollout, Step


def rollout_view(rollout: Rollout) -> View:
    interval = rollout.analysis.interval if rollout.analysis else 0
    view = plain(rollout, without=("name", "steps", "schedule"))
    view |= {
        "routes": unique(rollout.routes),
        "steps": [_step_text(step, interval) for step in rollout.steps],
        "schedule": unique(
            f"{window.start} for {duration_text(window.duration)}" for window in rollout.schedule
        ),
    }
    if rollout.analysis:
        view["analysis"]["checks"] = {
            check.name: plain(check, without=["name"]) for check in rollout.analysis.checks
        }
    return view


def _step_text(step: Step, interval: int) -> str:
    """Return what goes to the new pool and for how long; default: one interval."""
    what = ""
    if step.weight is not None:
        what = percentage(step.weight / 100)
    elif step.header is not None:
        what = condition_text("header", step.header.name.lower(), step.header)
    elif step.key is not None:
        what = f"keys {', '.join(unique(step.key))}"
    elif step.mirror is not None:
        what = f"a copy of {percentage(step.mirror)}"
    hold = interval if step.hold is None else step.hold
    parts = [f"for {duration_text(hold)}"] if hold else []
    parts += ["until approved"] if step.pause else []
    return " ".join([what, *parts])
