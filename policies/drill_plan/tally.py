"""Counts requests by periods: seconds for charts, phases for tables.

Each request is counted in exactly one period, so that the responses of all variants and the
requests without a response add up to all requests.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from policies.drill_plan.outcomes import DrillOutcome, DrillRun, Span


class Spread(NamedTuple):
    """Response times, in milliseconds."""

    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Count:
    """Counts of the requests that were due in [begin, end)."""

    phase: str
    begin: float
    end: float
    requests: int  # started
    not_started: int
    errors: int
    unanswered: int
    answers: dict[str, int]  # by variant; "" without a variant
    latency: Spread | None  # None if there were no requests

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


def by_phase(run: DrillRun) -> list[Count]:
    return _cut(run, run.marks.spans())


def by_time(run: DrillRun, width: float = 1.0) -> list[Count]:
    """Count by periods of `width` seconds; each belongs to the phase in which it starts. A rest
    of less than half a period is added to the last one, since its rate would mean little."""
    spans, end = run.marks.spans(), run.marks.finished
    edges = [i * width for i in range(int(end / width) + 1)]
    if len(edges) > 1 and end - edges[-1] < width / 2:
        edges.pop()
    if edges[-1] < end:
        edges.append(end)
    starts = [span.begin for span in spans]
    phases = [spans[bisect_right(starts, edge) - 1].phase for edge in edges]
    return _cut(run, [Span(*bounds) for bounds in zip(phases, edges, edges[1:], strict=False)])


def by_request(run: DrillRun) -> dict[str, Count]:
    """Count the whole run by kind of request."""
    names = sorted({outcome.request for outcome in run.outcomes})
    end = run.marks.finished
    return {
        name: _count([o for o in run.outcomes if o.request == name], Span("", 0.0, end), 0)
        for name in names
    }


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the percentile by the nearest rank: the least value that `percent` of all do not
    exceed."""
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1]


def _cut(run: DrillRun, spans: Sequence[Span]) -> list[Count]:
    times = [outcome.at for outcome in run.outcomes]
    missed = sorted(run.not_started)
    return [
        _count(
            run.outcomes[bisect_left(times, span.begin) : bisect_left(times, span.end)],
            span,
            bisect_left(missed, span.end) - bisect_left(missed, span.begin),
        )
        for span in spans
    ]


def _count(outcomes: Sequence[DrillOutcome], span: Span, not_started: int) -> Count:
    answers = Counter(outcome.variant for outcome in outcomes if outcome.status)
    took = sorted(outcome.seconds * 1000 for outcome in outcomes)
    return Count(
        *span,
        requests=len(outcomes),
        not_started=not_started,
        errors=sum(outcome.is_error for outcome in outcomes),
        unanswered=len(outcomes) - answers.total(),
        answers=dict(answers),
        latency=Spread(*(percentile(took, p) for p in (50, 95, 99, 100))) if took else None,
    )
