"""The errors that tools raise for users."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong usage of the command (exit code 2)."""


class Failed(Exception):
    """The command failed (exit code 1)."""
