"""The states of outlier detection for one variant, and every event that changes them.

A half-open variant gets one probe request, and its answer decides. A variant that returns gets
its share little by little, and fewer failures than before eject it again.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The values are what people are told."""

    WELL = "healthy"
    EJECTED = "ejected"
    HALF_OPEN = "half-open"
    RETURNING = "returning"


class Event(Enum):
    """The values are the words of the documentation."""

    OUTLIER = "too many failures"
    EJECTION_OVER = "the ejection is over"
    SUCCESS = "a request succeeded"
    PROBE_FAILED = "the probe request failed"
    RETRY_AFTER = "503 with `Retry-After`"
    RECOVERED = "active health, or the Coordinator, has it back"
    SLOW_START_OVER = "`slow_start` is over"


INITIAL = State.WELL

TRANSITIONS = {
    (State.WELL, Event.OUTLIER): State.EJECTED,
    (State.RETURNING, Event.OUTLIER): State.EJECTED,
    (State.EJECTED, Event.EJECTION_OVER): State.HALF_OPEN,
    (State.HALF_OPEN, Event.SUCCESS): State.RETURNING,
    # Requests go to an ejected variant only while nobody is well.
    (State.EJECTED, Event.SUCCESS): State.RETURNING,
    (State.HALF_OPEN, Event.PROBE_FAILED): State.EJECTED,
    (State.RETURNING, Event.SLOW_START_OVER): State.WELL,
    **{(state, Event.RETRY_AFTER): State.EJECTED for state in State},
    **{(state, Event.RECOVERED): State.RETURNING for state in State},
}
