"""The lines of the Worker's log: JSON, with the time, the level and the event.

An event that is not in LEVELS is ordinary. `error` is a bug of the router; `warning` is something
that an operator should look at if it is frequent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

Level = Literal["info", "warning", "error"]
LEVELS: dict[str, Level] = {
    **dict.fromkeys(("internal-error", "memory-difference"), "error"),
    **dict.fromkeys(("policy-rejected", "policy-unread"), "warning"),
    **dict.fromkeys(("compiled-unread", "compiled-refused", "last-good-not-kept"), "warning"),
    **dict.fromkeys(("coordinator-away", "coordinator-state-unread"), "warning"),
    **dict.fromkeys(("coordinator-failed", "limiter-failed"), "warning"),
    **dict.fromkeys(("drill-refused", "drills-unread", "tallies-unread"), "warning"),
    **dict.fromkeys(("rollout-held", "rollout-failed-check", "rollout-rolled-back"), "warning"),
    **dict.fromkeys(("rollouts-unread", "rollouts-not-heard", "rollouts-not-copied"), "warning"),
    **dict.fromkeys(("variant-ejected", "variant-failed", "variant-timeout"), "warning"),
    **dict.fromkeys(("variant-unbound", "key-denied"), "warning"),
}


def log_line(event: str, fields: Mapping[str, object], at_ms: float) -> str:
    """Return the line; `time` is as in RFC 3339."""
    time = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    head = {"time": time.replace("+00:00", "Z"), "level": LEVELS.get(event, "info")}
    return json.dumps({**head, "event": event, **fields})
