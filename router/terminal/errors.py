"""Why a command cannot go on: whatever a tool raises for people is one of these."""

from __future__ import annotations


class UsageError(Exception):
    """The command was called the wrong way (exit code 2)."""


class Failed(Exception):
    """The command could not do what it was asked to (exit code 1)."""
