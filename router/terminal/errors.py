"""The errors that tools raise for users: what is wrong, where, and how to mend it.

The text of an error has all of it in one line. `where` and `hint` are also fields of the JSON that
`--json` prints for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.basics.untyped import JsonObject


class Told(Exception):
    """`where`: a file, a URL or a verb; `details`: more fields for the JSON."""

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        details: JsonObject | None = None,
    ) -> None:
        super().__init__(f"{message}: {hint}" if hint else message)
        self.message, self.where, self.hint = message, where, hint
        self.details = details or {}


class UsageError(Told):
    """Wrong usage of the command (exit code 2)."""


class Failed(Told):
    """The command failed (exit code 1)."""
