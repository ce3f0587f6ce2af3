"""The states of a drill, and every event that changes them.

Whatever ends a drill ends it for good: one that is wanted again is another drill.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    REFUSED = "refused"
    ENDED = "ended"


class Event(StrEnum):
    """Of those that end a drill, the values are what people are told as `why`."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    TIME = "time"
    STOPPED = "stopped"
    NOTHING_LEFT = "nothing left"
    POLICY = "policy"


INITIAL = State.REQUESTED
ENDED = (State.REFUSED, State.ENDED)

TRANSITIONS = {
    (State.REQUESTED, Event.ADMITTED): State.RUNNING,
    (State.REQUESTED, Event.REFUSED): State.REFUSED,
    (State.RUNNING, Event.TIME): State.ENDED,
    (State.RUNNING, Event.STOPPED): State.ENDED,
    (State.RUNNING, Event.NOTHING_LEFT): State.ENDED,
    (State.RUNNING, Event.POLICY): State.ENDED,
}
