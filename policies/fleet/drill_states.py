"""The states of a drill, and every event that changes them.

A drill that has ended never runs again: another start is another drill.
"""

from __future__ import annotations

from enum import StrEnum


class DrillState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    REFUSED = "refused"
    ENDED = "ended"


class DrillEvent(StrEnum):
    """The events. The values of those that end a drill are its `why` in the JSON."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    TIME = "time"
    STOPPED = "stopped"
    NOTHING_LEFT = "nothing left"
    POLICY = "policy"


INITIAL = DrillState.REQUESTED
ENDED = (DrillState.REFUSED, DrillState.ENDED)

TRANSITIONS = {
    (DrillState.REQUESTED, DrillEvent.ADMITTED): DrillState.RUNNING,
    (DrillState.REQUESTED, DrillEvent.REFUSED): DrillState.REFUSED,
    (DrillState.RUNNING, DrillEvent.TIME): DrillState.ENDED,
    (DrillState.RUNNING, DrillEvent.STOPPED): DrillState.ENDED,
    (DrillState.RUNNING, DrillEvent.NOTHING_LEFT): DrillState.ENDED,
    (DrillState.RUNNING, DrillEvent.POLICY): DrillState.ENDED,
}
