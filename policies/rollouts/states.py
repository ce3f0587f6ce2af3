"""The states of a rollout that has been started, and every event that changes them.

1. A rollout begins in `running`; in `ENDED` it has no steps to take, but can be rolled back.
2. An edit of the policy holds it; undoing the edit restores the state before (`UNDONE`).
3. A failed analysis has an effect in every state except the last two.
"""

from __future__ import annotations

from enum import StrEnum


class RolloutState(StrEnum):
    """The states. Their values are in the JSON, and in what is stored."""

    RUNNING = "running"
    GATE = "gate"
    PAUSED = "paused"
    HELD = "held"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled-back"


class RolloutEvent(StrEnum):
    """The events. Their values are the words of the documentation."""

    STEP_DONE = "the step is done"
    APPROVAL_NEEDED = "the step is done, and needs approval"
    ALL_STEPS_DONE = "all steps are done, `on_success: promote`"
    ALL_STEPS_DONE_HOLD = "all steps are done, `on_success: hold`"
    APPROVE = "`approve`"
    PAUSE = "`pause`"
    RESUME = "`resume`"
    PROMOTE = "`promote`"
    ROLL_BACK = "`rollback`"
    FAILED_ROLLBACK = "the analysis failed, `on_failure: rollback`"
    FAILED_HOLD = "the analysis failed, `on_failure: hold`"
    EDITED = "the policy is edited"
    UNDONE_RUNNING = "the edit is undone (it was running)"
    UNDONE_GATE = "the edit is undone (it was at a gate)"
    UNDONE_PAUSED = "the edit is undone (it was paused)"
    STATE_LOST = "its stored state is lost or unreadable"


INITIAL = RolloutState.RUNNING
ENDED = (RolloutState.SUCCEEDED, RolloutState.ROLLED_BACK)
ACTIVE = (RolloutState.RUNNING, RolloutState.GATE, RolloutState.PAUSED, RolloutState.HELD)

TRANSITIONS = {
    (RolloutState.RUNNING, RolloutEvent.STEP_DONE): RolloutState.RUNNING,
    (RolloutState.RUNNING, RolloutEvent.APPROVAL_NEEDED): RolloutState.GATE,
    (RolloutState.RUNNING, RolloutEvent.ALL_STEPS_DONE): RolloutState.SUCCEEDED,
    (RolloutState.RUNNING, RolloutEvent.ALL_STEPS_DONE_HOLD): RolloutState.GATE,
    (RolloutState.GATE, RolloutEvent.APPROVE): RolloutState.RUNNING,
    (RolloutState.RUNNING, RolloutEvent.PAUSE): RolloutState.PAUSED,
    (RolloutState.GATE, RolloutEvent.PAUSE): RolloutState.PAUSED,
    (RolloutState.PAUSED, RolloutEvent.RESUME): RolloutState.RUNNING,
    (RolloutState.HELD, RolloutEvent.RESUME): RolloutState.RUNNING,
    (RolloutState.HELD, RolloutEvent.UNDONE_RUNNING): RolloutState.RUNNING,
    (RolloutState.HELD, RolloutEvent.UNDONE_GATE): RolloutState.GATE,
    (RolloutState.HELD, RolloutEvent.UNDONE_PAUSED): RolloutState.PAUSED,
    (RolloutState.SUCCEEDED, RolloutEvent.ROLL_BACK): RolloutState.ROLLED_BACK,
    **{(state, RolloutEvent.PROMOTE): RolloutState.SUCCEEDED for state in ACTIVE},
    **{(state, RolloutEvent.ROLL_BACK): RolloutState.ROLLED_BACK for state in ACTIVE},
    **{(state, RolloutEvent.FAILED_ROLLBACK): RolloutState.ROLLED_BACK for state in ACTIVE},
    **{(state, RolloutEvent.FAILED_HOLD): RolloutState.HELD for state in ACTIVE},
    **{(state, RolloutEvent.EDITED): RolloutState.HELD for state in ACTIVE},
    **{(state, RolloutEvent.STATE_LOST): RolloutState.HELD for state in ACTIVE},
}
# The event of undoing an edit, by the state before the edit.
UNDONE = {
    RolloutState.RUNNING: RolloutEvent.UNDONE_RUNNING,
    RolloutState.GATE: RolloutEvent.UNDONE_GATE,
    RolloutState.PAUSED: RolloutEvent.UNDONE_PAUSED,
}
