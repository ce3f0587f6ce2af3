"""Finds when a drill's target left, and when it was back, in a series of responses.

Each is the first moment from which on a condition holds, both for a short period that starts
there and for the whole rest of the phase. The period keeps a single response from counting; the
rest keeps a target from counting as gone if it comes back later. One late response (a probe
request) does not change the result.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

LEFT_SHARE = 0.01  # of the responses; below this, the target has left
LEFT_FOR_S = 1.0
BACK_SHARE = 0.8  # of its share before the drill; from this on, it is back
BACK_FOR_S = 5.0  # long enough for about ten responses of a small target


class Answers:
    """Responses in the order of their times, each with whether a target gave it."""

    __slots__ = ("_hits", "_times")

    def __init__(self, answers: Iterable[tuple[float, bool]]) -> None:
        answers = sorted(answers)
        self._times = [at for at, _ in answers]
        self._hits = [0, *accumulate(hit for _, hit in answers)]

    def share(self, begin: float, end: float) -> float | None:
        """Return the targets' share of the responses in [begin, end); None if there are none."""
        return self._share(bisect_left(self._times, begin), bisect_left(self._times, end))

    def _share(self, first: int, last: int) -> float | None:
        return (self._hits[last] - self._hits[first]) / (last - first) if last > first else None

    def left(self, begin: float, end: float) -> float | None:
        """Return the first moment in [begin, end) from which on targets have less than
        `LEFT_SHARE`; None if there is none."""
        last = bisect_left(self._times, end)
        first = bisect_left(self._times, begin)
        after = [(begin, first)]  # it can have left at once, or after a response of a target
        after += [(self._times[i], i + 1) for i in self._targets(first, last)]
        for at, index in after:
            if at > end - LEFT_FOR_S:
                return None
            soon = self._share(index, min(last, bisect_right(self._times, at + LEFT_FOR_S)))
            rest = self._share(index, last)
            if (soon or 0.0) < LEFT_SHARE and rest is not None and rest < LEFT_SHARE:
                return at
        return None

    def back(self, begin: float, end: float, share: float) -> float | None:
        """Return the first response of a target in [begin, end) from which on targets have most
        of `share` again; None if there is none."""
        last = bisect_left(self._times, end)
        wanted = BACK_SHARE * share
        for index in self._targets(bisect_left(self._times, begin), last):
            at = self._times[index]
            if at > end - BACK_FOR_S:
                return None
            soon = self._share(index, bisect_left(self._times, at + BACK_FOR_S))
            if min(soon or 0.0, self._share(index, last) or 0.0) >= wanted:
                return at
        return None

    def _targets(self, first: int, last: int) -> Iterable[int]:
        return (i for i in range(first, last) if self._hits[i + 1] > self._hits[i])
