"""An error response: its status, and how to correct the request."""

from __future__ import annotations

from agent.records.request import NO_FACTS, Facts


class Problem(Exception):
    """`headers`: of the response; `more`: further fields of its JSON; `facts` are recorded."""

    facts: Facts = NO_FACTS

    def __init__(
        self,
        status: int,
        message: str,
        headers: tuple[tuple[str, str], ...] = (),
        /,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.more = more
