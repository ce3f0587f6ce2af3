"""A request that is not answered as it was meant: the status, and what to do about it."""

from __future__ import annotations

from typing import Any

from agent.records.request import NO_FACTS, Facts


class Problem(Exception):
    """`headers` and `more` go with the answer: more fields of its JSON. `facts` are recorded."""

    facts: Facts = NO_FACTS

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[str, str], ...] = (), /, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.more = more
