"""Votes: the ejections of one variant by isolates, counted together.

A variant is excluded for all isolates when at least LEAST isolates, and more than half of those
that used it within a minute, eject it. An isolate with bad luck thus decides only for itself. An
isolate that ejects it counts as one that used it.
"""

from __future__ import annotations

from collections import OrderedDict

LEAST = 2
USED_MS = 60_000


class Votes:
    """Isolates by name. Times by the Coordinator's clock."""

    __slots__ = ("_ejected", "_used")

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()  # when last, the oldest first
        self._ejected: dict[str, float] = {}  # until when

    def hear(self, isolate: str, requests: int, ejected_ms: float, now_ms: float) -> None:
        """Take the report of an isolate."""
        if requests or ejected_ms:
            self._used[isolate] = now_ms
            self._used.move_to_end(isolate)
        if ejected_ms:
            self._ejected[isolate] = now_ms + ejected_ms
        else:
            self._ejected.pop(isolate, None)

    def forget(self, isolate: str) -> None:
        self._used.pop(isolate, None)
        self._ejected.pop(isolate, None)

    def voters(self, now_ms: float) -> int:
        """Return the number of isolates that eject it."""
        return sum(until_ms > now_ms for until_ms in self._ejected.values())

    def most(self, now_ms: float) -> bool:
        """Return whether more than half of the isolates that used it eject it, however few they
        are."""
        return self.voters(now_ms) > self._users(now_ms) // 2

    def until_ms(self, now_ms: float) -> float:
        """Return when the exclusion ends if no isolate reports anything new; 0 without an
        exclusion."""
        if len(self._ejected) < LEAST:
            return 0.0
        ends = sorted((end for end in self._ejected.values() if end > now_ms), reverse=True)
        needed = max(LEAST, self._users(now_ms) // 2 + 1)
        return ends[needed - 1] if len(ends) >= needed else 0.0

    def _users(self, now_ms: float) -> int:
        while self._used and next(iter(self._used.values())) < now_ms - USED_MS:
            self._used.popitem(last=False)
        return len(self._used)
