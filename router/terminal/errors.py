"""Why a command cannot go on: whatever a tool raises for people is one of these."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong usage of the command (exit code 2)."""


class Failed(Exception):
    """The command failed (exit code 1)."""
