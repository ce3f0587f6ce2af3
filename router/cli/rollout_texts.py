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


def pools_text(told: Rollout) -> str:
    return f"{told['from']} → {told['to']}"


def weight_text(told: Rollout) -> str:
    return "the policy's own split" if told["weight"] is None else percent(told["weight"])


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


def place_text(told: Rollout) -> str:
    """`5 %, step 2 of 5`; also names a step without a weight. A finished rollout has no step."""
    number, steps = told["step"], told["steps"]
    if number is None or told["state"] in FINISHED:
        return weight_text(told)
    text = f"{weight_text(told)}, step {number} of {len(steps)}"
    step = steps[number - 1]
    return text if "weight" in step else f"{text} ({step_text(step)})"


def now_text(told: Rollout) -> str:
    """Return the current state, in a line."""
    name, state = told["name"], told["state"]
    if state == "waiting":
        return f"{name} has not been started"
    if state in ("running", "gate"):
        return f"{name} at {place_text(told)}"
    if state == "succeeded":
        return f"{name} has succeeded: {weight_text(told)} to {told['to']}"
    word = "rolled back, to" if state == "rolled-back" else f"{state} at"
    why = f": {told['reason']}" if told["reason"] else ""
    return f"{name} {word} {place_text(told)}{why}"


def next_text(told: Rollout) -> str:
    """Return what comes next, and what triggers it."""
    tell = NEXT.get(told["state"])
    return tell(told) if tell else f"look again with {_command('status', told)}"


def line_text(told: Rollout) -> str:
    return f"{now_text(told)}; next: {next_text(told)}"


def verdict_text(told: Rollout) -> str:
    """`passed at 12:00:10`, and why; "" before the first analysis."""
    last = told["analysis"] and told["analysis"]["last"]
    if not last:
        return ""
    why = f": {'; '.join(last['reasons'])}" if last["reasons"] else ""
    return f"{last['verdict']} at {clock(last['at'])} UTC{why}"


def _command(action: str, told: Rollout) -> str:
    return f"`router rollout {action} {told['name']}`"


def _when_running(told: Rollout) -> str:
    window, until = told["window"], told["hold_until"]
    if window and not window["open"]:
        return f"{_following(told)} when its window opens, at {clock(window['next_at'])} UTC"
    waits_for = "when approved" if _pauses(told) else ""
    if told["analysis"] and not waits_for:
        waits_for = "when its analysis has passed"
    if not waits_for:
        return f"{_following(told)}, at {clock(until)} UTC" if until else _following(told)
    return f"{_following(told)} {waits_for}" + (f", not before {clock(until)} UTC" if until else "")


def _when_gate(told: Rollout) -> str:
    """Also after the last step, if the policy requires an approval at the end."""
    if not _pauses(told):
        return f"{_command('promote', told)} or {_command('rollback', told)}"
    return f"{_following(told)} when approved: {_command('approve', told)}"


def _pauses(told: Rollout) -> bool:
    """Return whether the current step requires an approval."""
    number = told["step"]
    return bool(number and told["steps"][number - 1].get("pause"))


def _following(told: Rollout) -> str:
    """The step after this one."""
    steps, number = told["steps"], told["step"] or 0
    return step_text(steps[number]) if number < len(steps) else "the end of the rollout"


NEXT: dict[str, Callable[[Rollout], str]] = {
    "waiting": lambda told: _command("start", told),
    "running": _when_running,
    "gate": _when_gate,
    "paused": lambda told: f"it goes on with {_command('resume', told)}",
    "held": lambda told: f"{_command('resume', told)} or {_command('rollback', told)}",
    "succeeded": lambda told: f"write it into the policy: {_command('settle', told)}",
    "rolled-back": lambda told: (
        f"write it into the policy: {_command('settle', told)}, or {_command('start', told)} again"
    ),
}
