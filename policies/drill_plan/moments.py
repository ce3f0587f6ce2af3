"""When a drill's target left, and when it was back: two moments in a series of answers.

Both are the first moment from which on something holds, in a stretch of time that begins
there and over all that is left of the phase. The stretch keeps a single lucky answer from
counting, the rest keeps a target from leaving that comes back later. One late answer (a
trial whether the target is well) undoes nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

LEFT_SHARE = 0.01  # of the answers, and no more: it has left
LEFT_FOR_S = 1.0
BACK_SHARE = 0.8  # of its share before the drill: it is back
BACK_FOR_S = 5.0  # long enough for some ten answers of a small target


class Answers:
    """Answers in the order of their times, each a target's or not."""

    __slots__ = ("_hits", "_times")

    def __init__(self, answers: Iterable[tuple[float, bool]]) -> None:
        answers = sorted(answers)
        self._times = [at for at, _ in answers]
        self._hits = [0, *accumulate(hit for _, hit in answers)]

    def share(self, begin: float, end: float) -> float | None:
        """The targets' share of the answers in [begin, end); None if there are none."""
        return self._share(bisect_left(self._times, begin), bisect_left(self._times, end))

    def _share(self, first: int, last: int) -> float | None:
        return (self._hits[last] - self._hits[first]) / (last - first) if last > first else None

    def left(self, begin: float, end: float) -> float | None:
        """The first moment in [begin, end) from which on targets get less than `LEFT_SHARE`."""
        last = bisect_left(self._times, end)
        first = bisect_left(self._times, begin)
        after = [(begin, first)]  # it can have left right away, or after an answer of a target
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
        """The first answer of a target in [begin, end) from which on targets have most of
        `share` again."""
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
