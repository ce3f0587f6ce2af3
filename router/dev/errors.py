"""The error of a tool that its user can mend."""

from __future__ import annotations

from collections.abc import Mapping


class SetupError(Exception):
    """An error that a developer can fix; the text is one line that says how. `where`: a file."""

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{message}: {hint}" if hint else message)
        self.message, self.where, self.hint = message, where, hint
        self.details: Mapping[str, object] = {}
