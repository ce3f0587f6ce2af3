"""The error that whoever runs a tool can mend."""

from __future__ import annotations


class SetupError(Exception):
    """An error that a developer can fix; the message is one line that says how."""
