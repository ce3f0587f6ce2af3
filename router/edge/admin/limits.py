"""Limits of the pages, and their names of actions and parameters, also for the OpenAPI document."""

from __future__ import annotations

DRILL_BYTES = 16 * 1024  # of the body that describes a drill
COMMAND_BYTES = 4 * 1024  # of the body of a command to a rollout
MAX_NOTE = 500  # characters
EVENTS = 100  # in an answer without `?limit=`
MAX_EVENTS = 1_000
ACTIONS = ("start", "approve", "pause", "resume", "promote", "rollback")
EXPLAIN_PARAMETERS = ("url", "method", "header", "ip", "colo", "country", "continent", "down")
