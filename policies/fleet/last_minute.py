"""Requests and failures of the last minute, from reports: in parts of 5 s, the time between two
reports."""

from __future__ import annotations

from collections import deque

MINUTE_MS = 60_000
PART_MS = 5_000


class LastMinute:
    """The sums of one variant."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[list[int]] = deque()  # [part, requests, failures]

    def add(self, requests: int, failures: int, now_ms: float) -> None:
        part = int(now_ms // PART_MS)
        if not self._parts or self._parts[-1][0] != part:
            self._parts.append([part, 0, 0])
            self._forget(now_ms)
        self._parts[-1][1] += requests
        self._parts[-1][2] += failures

    def sums(self, now_ms: float) -> tuple[int, int]:
        """Return the number of requests, and of failures among them."""
        self._forget(now_ms)
        return sum(part[1] for part in self._parts), sum(part[2] for part in self._parts)

    def _forget(self, now_ms: float) -> None:
        oldest = int((now_ms - MINUTE_MS) // PART_MS)
        while self._parts and self._parts[0][0] <= oldest:
            self._parts.popleft()
