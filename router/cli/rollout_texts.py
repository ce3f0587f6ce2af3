"""Describes a rollout in words: its current state, and what comes next.

Times are absolute, not remaining durations, since logs are read later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from router.terminal.times import clock

if TYPE_CHECKING:
    from policies.api.rollouts import Cohort, Rollout, Step


STATES = {
    "waiting": "dim",
    "running": "green",
    "gate": "yellow",
    "paused": "yellow",
    "held": "bold red",
    "succeeded": "bold green",
    "rolled-back": "bold red",
}
FINISHED = ("succeeded", "rolled-back")


def percent(weight: float) -> str:
    return f"{weight:g} %"


def pools_text(rollout: Rollout) -> str:
    return f"{rollout['from']} → {rollout['to']}"


def weight_text(rollout: Rollout) -> str:
    return "the policy's own split" if rollout["weight"] is None else percent(rollout["weight"])


def cohort_text(cohort: Cohort | Step) -> str:
    """`header x-preview: 1`, `header x-preview ~ a|b`, `keys ann, bob`."""
    if "key" in cohort:
        return f"key{'s' * (len(cohort['key']) != 1)} {', '.join(cohort['key'])}"
    header = cohort["header"]
    if "regex" in header:
        return f"header {header['name']} ~ {header['regex']}"
    return f"header {header['name']}: {header['value']}"


def step_text(step: Step) -> str:
    if "weight" in step:
        return percent(step["weight"])
    return f"mirror {step['mirror']}" if "mirror" in step else cohort_text(step)


def duration_of(step: Step) -> str:
    """Return the hold and the approval of a step, as the policy says them."""
    hold = (step.get("hold") or "").removeprefix("0s")
    if step.get("pause"):
        return f"{hold}, then approval" if hold else "until approved"
    return hold


def place_text(rollout: Rollout) -> str:
    """`5 %, step 2 of 5`; also names a step without a weight. A finished rollout has no step."""
    number, steps = rollout["step"], rollout["steps"]
    if number is None or rollout["state"] in FINISHED:
        return weight_text(rollout)
    text = f"{weight_text(rollout)}, step {number} of {len(steps)}"
    step = steps[number - 1]
    return text if "weight" in step else f"{text} ({step_text(step)})"


def now_text(rollout: Rollout) -> str:
    """Return the current state, in a line."""
    name, state = rollout["name"], rollout["state"]
    if state == "waiting":
        return f"{name} has not been started"
    if state in ("running", "gate"):
        return f"{name} at {place_text(rollout)}"
    if state == "succeeded":
        return f"{name} has succeeded: {weight_text(rollout)} to {rollout['to']}"
    word = "rolled back, to" if state == "rolled-back" else f"{state} at"
    why = f": {rollout['reason']}" if rollout["reason"] else ""
    return f"{name} {word} {place_text(rollout)}{why}"


def next_text(rollout: Rollout) -> str:
    """Return what comes next, and what triggers it."""
    tell = NEXT.get(rollout["state"])
    return tell(rollout) if tell else f"look again with {_command('status', rollout)}"


def line_text(rollout: Rollout) -> str:
    return f"{now_text(rollout)}; next: {next_text(rollout)}"


def verdict_text(rollout: Rollout) -> str:
    """`passed at 12:00:10`, and why; "" before the first analysis."""
    last = rollout["analysis"] and rollout["analysis"]["last"]
    if not last:
        return ""
    why = f": {'; '.join(last['reasons'])}" if last["reasons"] else ""
    return f"{last['verdict']} at {clock(last['at'])} UTC{why}"


def _command(action: str, rollout: Rollout) -> str:
    return f"`router rollout {action} {rollout['name']}`"


def _when_running(rollout: Rollout) -> str:
    window, until = rollout["window"], rollout["hold_until"]
    if window and not window["open"]:
        return f"{_following(rollout)} when its window opens, at {clock(window['next_at'])} UTC"
    waits_for = "when approved" if _pauses(rollout) else ""
    if rollout["analysis"] and not waits_for:
        waits_for = "when its analysis has passed"
    if not waits_for:
        return f"{_following(rollout)}, at {clock(until)} UTC" if until else _following(rollout)
    return f"{_following(rollout)} {waits_for}" + (
        f", not before {clock(until)} UTC" if until else ""
    )


def _when_gate(rollout: Rollout) -> str:
    """Also after the last step, if the policy requires an approval at the end."""
    if not _pauses(rollout):
        return f"{_command('promote', rollout)} or {_command('rollback', rollout)}"
    return f"{_following(rollout)} when approved: {_command('approve', rollout)}"


def _pauses(rollout: Rollout) -> bool:
    """Return whether the current step requires an approval."""
    number = rollout["step"]
    return bool(number and rollout["steps"][number - 1].get("pause"))


def _following(rollout: Rollout) -> str:
    """Return the text of the following step."""
    steps, number = rollout["steps"], rollout["step"] or 0
    return step_text(steps[number]) if number < len(steps) else "the end of the rollout"


NEXT: dict[str, Callable[[Rollout], str]] = {
    "waiting": lambda rollout: _command("start", rollout),
    "running": _when_running,
    "gate": _when_gate,
    "paused": lambda rollout: f"it goes on with {_command('resume', rollout)}",
    "held": lambda rollout: f"{_command('resume', rollout)} or {_command('rollback', rollout)}",
    "succeeded": lambda rollout: f"write it into the policy: {_command('settle', rollout)}",
    "rolled-back": lambda rollout: (
        f"write it into the policy: {_command('settle', rollout)}, "
        f"or {_command('start', rollout)} again"
    ),
}
