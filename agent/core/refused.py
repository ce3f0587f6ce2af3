"""Errors of jobs. The message is for the owner of the job.

`more`: further fields of the response, such as the line of a program that failed.
"""

from __future__ import annotations


class Refused(Exception):
    """The job cannot be done, and would fail again."""

    def __init__(self, message: str, /, **more: object) -> None:
        super().__init__(message)
        self.more = more


class Unavailable(Exception):
    """Something that the job needs did not answer: another attempt may succeed."""

    def __init__(self, message: str, /, **more: object) -> None:
        super().__init__(message)
        self.more = more
