"""What the isolates' ejections of one variant say together.

A variant is excluded for everybody when at least LEAST isolates, and more than half of
those that used it within a minute, have it ejected: one isolate with bad luck decides for
itself alone. Whoever has it ejected counts as one who used it.
"""

from __future__ import annotations

from collections import OrderedDict

LEAST = 2
USED_MS = 60_000


class Votes:
    """Isolates by name; times by the Coordinator's clock."""

    __slots__ = ("_ejected", "_used")

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()  # when last, the oldest first
        self._ejected: dict[str, float] = {}  # until when

    def hear(self, isolate: str, requests: int, ejected_ms: float, now_ms: float) -> None:
        """An isolate has reported."""
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
        """How many have it ejected."""
        return sum(until_ms > now_ms for until_ms in self._ejected.values())

    def most(self, now_ms: float) -> bool:
        """Whether more than half of those who used it have it ejected, be they ever so few."""
        return self.voters(now_ms) > self._users(now_ms) // 2

    def until_ms(self, now_ms: float) -> float:
        """When the exclusion for everybody ends, if nobody reports anything new; 0 if there
        is none."""
        if len(self._ejected) < LEAST:
            return 0.0
        ends = sorted((end for end in self._ejected.values() if end > now_ms), reverse=True)
        needed = max(LEAST, self._users(now_ms) // 2 + 1)
        return ends[needed - 1] if len(ends) >= needed else 0.0

    def _users(self, now_ms: float) -> int:
        while self._used and next(iter(self._used.values())) < now_ms - USED_MS:
            self._used.popitem(last=False)
        return len(self._used)
