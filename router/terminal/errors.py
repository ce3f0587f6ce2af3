"""The errors that tools raise for users: what is wrong, where, and how to mend it.

The text of an error has all of it in one line. `where` and `hint` are also fields of the JSON that
`--json` prints for it.
"""

from __future__ import annotations

from collections.abc import Mapping


class ToolError(Exception):
    """`where`: a file, a URL or a verb; `details`: more fields for the JSON."""

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{message}: {hint}" if hint else message)
        self.message, self.where, self.hint = message, where, hint
        self.details: Mapping[str, object] = details or {}


class UsageError(ToolError):
    """Wrong usage of the command (exit code 2)."""


class Failed(ToolError):
    """The command failed (exit code 1)."""
