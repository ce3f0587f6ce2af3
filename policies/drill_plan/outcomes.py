"""What clients saw of a drill: one outcome a request, and the moments that part the phases.

Times are seconds since the traffic began, on one steady clock. A request counts at the
moment it was meant to start, so that a slow answer delays nobody's place in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PHASES = ("baseline", "failure", "recovery")


class Outcome(NamedTuple):
    """`seconds`: from `at` to the whole answer; of a request without one, at least the
    time a client would have waited, so that a quick failure is not a quick answer."""

    at: float
    seconds: float
    status: int  # of the answer's head; 0: none came
    variant: str  # whom the answer names; "" nobody
    failure: str  # why there is no whole answer; "" if there is
    request: str  # the plan's name for it

    @property
    def is_error(self) -> bool:
        return bool(self.failure) or self.status >= 500


class Span(NamedTuple):
    phase: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Marks:
    """When the drill began and ended (None: not yet, or never), and when all was over."""

    began: float | None
    ended: float | None
    finished: float

    def spans(self) -> list[Span]:
        """The phases that there were, one after the other, without a gap."""
        ends = [self.finished if end is None else end for end in (self.began, self.ended)]
        edges = [0.0, *ends, self.finished]
        count = 1 + (self.began is not None) + (self.ended is not None)
        return [Span(PHASES[i], edges[i], edges[i + 1]) for i in range(count)]


@dataclass(frozen=True, slots=True)
class Run:
    """All that was seen. `outcomes` stand in the order of `at`."""

    outcomes: Sequence[Outcome]
    not_started: Sequence[float]  # when requests were due for which there was no room
    marks: Marks
    targets: frozenset[str]  # the variants that the drill struck
    complete: bool  # all three phases were gone through

    def answers(self) -> Iterator[tuple[float, bool]]:
        """When each answer was asked for, and whether a target gave it."""
        return ((o.at, o.variant in self.targets) for o in self.outcomes if o.status)

    def span(self, phase: str) -> Span | None:
        return next((span for span in self.marks.spans() if span.phase == phase), None)
