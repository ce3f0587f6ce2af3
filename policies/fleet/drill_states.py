"""The states of a drill, and every event that changes them.

Whatever ends a drill ends it for good: one that is wanted again is another drill.
"""

from __future__ import annotations

from enum import StrEnum


class DrillState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    REFUSED = "refused"
    ENDED = "ended"


class DrillEvent(StrEnum):
    """Of those that end a drill, the values are what people are told as `why`."""

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
