"""The states of outlier detection for one variant, and every event that changes them.

A half-open variant gets one probe request, and its answer decides. A variant that returns gets
its share little by little, and fewer failures than before eject it again.
"""

from __future__ import annotations

from enum import Enum


class OutlierState(Enum):
    """The states. Their values are in the JSON."""

    WELL = "healthy"
    EJECTED = "ejected"
    HALF_OPEN = "half-open"
    RETURNING = "returning"


class OutlierEvent(Enum):
    """The events. Their values are the words of the documentation."""

    OUTLIER = "too many failures"
    EJECTION_OVER = "the ejection is over"
    SUCCESS = "a request succeeded"
    PROBE_FAILED = "the probe request failed"
    RETRY_AFTER = "503 with `Retry-After`"
    RECOVERED = "active health, or the Coordinator, has it back"
    SLOW_START_OVER = "`slow_start` is over"


INITIAL = OutlierState.WELL

TRANSITIONS = {
    (OutlierState.WELL, OutlierEvent.OUTLIER): OutlierState.EJECTED,
    (OutlierState.RETURNING, OutlierEvent.OUTLIER): OutlierState.EJECTED,
    (OutlierState.EJECTED, OutlierEvent.EJECTION_OVER): OutlierState.HALF_OPEN,
    (OutlierState.HALF_OPEN, OutlierEvent.SUCCESS): OutlierState.RETURNING,
    # Requests go to an ejected variant only while no variant is healthy.
    (OutlierState.EJECTED, OutlierEvent.SUCCESS): OutlierState.RETURNING,
    (OutlierState.HALF_OPEN, OutlierEvent.PROBE_FAILED): OutlierState.EJECTED,
    (OutlierState.RETURNING, OutlierEvent.SLOW_START_OVER): OutlierState.WELL,
    **{(state, OutlierEvent.RETRY_AFTER): OutlierState.EJECTED for state in OutlierState},
    **{(state, OutlierEvent.RECOVERED): OutlierState.RETURNING for state in OutlierState},
}
