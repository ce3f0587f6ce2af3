"""The outcomes of a drill: one for each request, and the moments between the phases.

Times are seconds since the traffic started, on one monotonic clock. A request counts at the
moment when it was due, so that slow responses do not shift later requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PHASES = ("baseline", "failure", "recovery")


class DrillOutcome(NamedTuple):
    """`seconds`: from `at` to the complete response; without one, at least the client's timeout,
    so that a quick failure does not count as a quick response."""

    at: float
    seconds: float
    status: int  # 0: no response
    variant: str  # named by the response; "": none
    failure: str  # why there is no complete response; "" if there is one
    request: str  # its name in the plan

    @property
    def is_error(self) -> bool:
        return bool(self.failure) or self.status >= 500


class Span(NamedTuple):
    phase: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Marks:
    """When the drill started and ended (None: not yet, or never), and when the run was over."""

    began: float | None
    ended: float | None
    finished: float

    def spans(self) -> list[Span]:
        """Return the phases of the run, in order, without gaps."""
        ends = [self.finished if end is None else end for end in (self.began, self.ended)]
        edges = [0.0, *ends, self.finished]
        count = 1 + (self.began is not None) + (self.ended is not None)
        return [Span(PHASES[i], edges[i], edges[i + 1]) for i in range(count)]


@dataclass(frozen=True, slots=True)
class DrillRun:
    """The whole run. `outcomes` are in the order of `at`."""

    outcomes: Sequence[DrillOutcome]
    not_started: Sequence[float]  # when requests were due that could not be started
    marks: Marks
    targets: frozenset[str]  # the variants that the drill affected
    complete: bool  # all three phases were completed

    def answers(self) -> Iterator[tuple[float, bool]]:
        """Return when each response's request was due, and whether a target gave the response."""
        return ((o.at, o.variant in self.targets) for o in self.outcomes if o.status)

    def span(self, phase: str) -> Span | None:
        return next((span for span in self.marks.spans() if span.phase == phase), None)
