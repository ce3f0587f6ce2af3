"""What a capability does not do, and why; the message is for whoever asked.

`more` are fields of the answer beside it: JSON, such as the line of a program that failed.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The job cannot be done as it is asked for, and trying again is no use."""

    def __init__(self, message: str, /, **more: Any) -> None:
        super().__init__(message)
        self.more = more


class Unavailable(Exception):
    """Something that the job needs did not answer: it may go well next time."""

    def __init__(self, message: str, /, **more: Any) -> None:
        super().__init__(message)
        self.more = more
