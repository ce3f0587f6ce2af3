"""The states of a rollout that has been started, and every event that changes them.

1. A rollout begins in `running`; in `ENDED` it has no steps to take, but can be rolled back.
2. An edit of the policy holds it; undoing the edit takes it back to where it was (`UNDONE`).
3. What the analysis finds counts in every state but the last two.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The values are what people are told, and what is kept."""

    RUNNING = "running"
    GATE = "gate"
    PAUSED = "paused"
    HELD = "held"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled-back"


class Event(StrEnum):
    """The values are the words of the documentation."""

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


INITIAL = State.RUNNING
ENDED = (State.SUCCEEDED, State.ROLLED_BACK)
ACTIVE = (State.RUNNING, State.GATE, State.PAUSED, State.HELD)

TRANSITIONS = {
    (State.RUNNING, Event.STEP_DONE): State.RUNNING,
    (State.RUNNING, Event.APPROVAL_NEEDED): State.GATE,
    (State.RUNNING, Event.ALL_STEPS_DONE): State.SUCCEEDED,
    (State.RUNNING, Event.ALL_STEPS_DONE_HOLD): State.GATE,
    (State.GATE, Event.APPROVE): State.RUNNING,
    (State.RUNNING, Event.PAUSE): State.PAUSED,
    (State.GATE, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.RESUME): State.RUNNING,
    (State.HELD, Event.RESUME): State.RUNNING,
    (State.HELD, Event.UNDONE_RUNNING): State.RUNNING,
    (State.HELD, Event.UNDONE_GATE): State.GATE,
    (State.HELD, Event.UNDONE_PAUSED): State.PAUSED,
    (State.SUCCEEDED, Event.ROLL_BACK): State.ROLLED_BACK,
    **{(state, Event.PROMOTE): State.SUCCEEDED for state in ACTIVE},
    **{(state, Event.ROLL_BACK): State.ROLLED_BACK for state in ACTIVE},
    **{(state, Event.FAILED_ROLLBACK): State.ROLLED_BACK for state in ACTIVE},
    **{(state, Event.FAILED_HOLD): State.HELD for state in ACTIVE},
    **{(state, Event.EDITED): State.HELD for state in ACTIVE},
    **{(state, Event.STATE_LOST): State.HELD for state in ACTIVE},
}
# The event of an edit that is undone, by the state before the edit.
UNDONE = {
    State.RUNNING: Event.UNDONE_RUNNING,
    State.GATE: Event.UNDONE_GATE,
    State.PAUSED: Event.UNDONE_PAUSED,
}
