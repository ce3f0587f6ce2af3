"""What the pages take at most, and by which names: for the pages, and for their document."""

from __future__ import annotations

DRILL_BYTES = 16 * 1024  # of the body that describes a drill
COMMAND_BYTES = 4 * 1024  # of the body of a command to a rollout
MAX_NOTE = 500  # characters
EVENTS = 100  # that are told unless more are asked for
MAX_EVENTS = 1_000
ACTIONS = ("start", "approve", "pause", "resume", "promote", "rollback")
EXPLAIN_PARAMETERS = ("url", "method", "header", "ip", "colo", "country", "continent", "down")
