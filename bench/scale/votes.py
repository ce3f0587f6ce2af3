"""Votes of isolates that each see a part of the traffic: when they are wrong, and when late.

The code is the router's own (`outlier_detection.py`, `votes.py`), with the default settings. An
isolate reports to the object every five seconds, and an ejection at once. Requests arrive at
random.
"""

from __future__ import annotations

from collections import deque
from heapq import merge
from math import inf
from random import Random
from typing import NamedTuple

from bench.scale.figures import Table, percent, seconds
from policies.fleet.votes import Votes
from policies.language.model.health import Passive as Section
from policies.resilience.health_terms import OutlierTerms
from policies.resilience.outlier_detection import OutlierDetection
from policies.resilience.outlier_states import OutlierState
from router.edge.isolate.timing import DEFAULTS

EVERY_MS = DEFAULTS.report_ms
SECTION = Section()
TERMS = OutlierTerms(*SECTION.model_dump().values())

ERRORS = (0.05, 0.1, 0.2, 0.3, 0.4)
POPULATION = 60
GROUPS = (2, 3, 5, 10, 60)
RATE = 5.0  # requests a second to the variant, in each isolate
LONG_MS = 600_000

TOTALS = (10.0, 100.0)  # requests a second to the variant, in all isolates together
SPREADS = (2, 10, 100, 1_000)
WELL_MS = 60_000.0
ILL_MS = 300_000.0


class Report(NamedTuple):
    at_ms: float
    isolate: int
    requests: int
    failures: int
    ejected_ms: float


def arrivals(rate: float, begin_ms: float, end_ms: float, rng: Random) -> list[float]:
    """The times at which requests arrive, `rate` a second on average."""
    times, at = [], begin_ms + rng.expovariate(rate) * 1000
    while at < end_ms:
        times.append(at)
        at += rng.expovariate(rate) * 1000
    return times


class Isolate:
    """An isolate that sends its requests to the variant unless it has ejected it."""

    def __init__(self, number: int, rng: Random) -> None:
        self.number, self.rng = number, rng
        self.detection = OutlierDetection(TERMS)
        self.reports: list[Report] = []
        self._reported = (0, 0)

    def live(self, rate: float, end_ms: float, ill_from_ms: float, errors: float) -> list[Report]:
        """Return its reports until `end_ms`: the share `errors` of requests fails, and from
        `ill_from_ms` on all of them."""
        due = self.rng.random() * EVERY_MS
        for at in arrivals(rate, 0.0, end_ms, self.rng):
            while due <= at:
                self._report(due)
                due += EVERY_MS
            failed = at >= ill_from_ms or self.rng.random() < errors
            if self._is_sent(at) and self._attempt(at, failed):
                self._report(at)
        return self.reports

    def _is_sent(self, now: float) -> bool:
        detection = self.detection
        if detection.state(now) is OutlierState.EJECTED:
            return False
        if detection.is_ejected:
            if not detection.awaits_probe_request(now):
                return False
            detection.begin_probe_request(now)
            return True
        share = detection.share(now)
        return share == 1 or self.rng.random() < share

    def _attempt(self, now: float, failed: bool) -> bool:
        """Record an attempt; return whether it ejected the variant."""
        if failed:
            return self.detection.failed(now, now)
        self.detection.succeeded(now, now)
        return False

    def _report(self, now: float) -> None:
        detection = self.detection
        requests, failures = self._reported
        news = (detection.requests - requests, detection.failures - failures)
        self._reported = (detection.requests, detection.failures)
        left = max(0.0, detection.until_ms - now)
        self.reports.append(Report(now, self.number, *news, left))


def false_exclusions() -> Table:
    """How much of the time a variant that fails now and then is excluded, for one isolate and for
    all."""
    rows = []
    for errors in ERRORS:
        rng = Random(round(errors * 100))
        all_reports = [
            Isolate(number, rng).live(RATE, LONG_MS, inf, errors) for number in range(POPULATION)
        ]
        alone = [report.ejected_ms > 0 for reports in all_reports for report in reports]
        cells = [percent(sum(alone) / len(alone))]
        for size in GROUPS:
            groups = [all_reports[at : at + size] for at in range(0, POPULATION, size)]
            shares = [excluded_share(group) for group in groups]
            cells.append(percent(sum(shares) / len(shares)))
        rows.append((percent(errors), *cells))
    columns = ("requests that fail", "out for one isolate", *(f"for all {n}" for n in GROUPS))
    return Table("false", columns, rows)


def excluded_share(group: list[list[Report]]) -> float:
    """The share of the time in which votes exclude the variant."""
    votes, excluded, last, until = Votes(), 0.0, 0.0, 0.0
    for at, isolate, requests, _, ejected_ms in merge(*group):
        excluded += max(0.0, min(at, until) - last)
        votes.hear(str(isolate), requests, ejected_ms, at)
        last, until = at, votes.until_ms(at)
    return excluded / last


def missed() -> Table:
    """How long a variant whose requests all fail stays in use, by the number of isolates."""
    rows = []
    for total in TOTALS:
        for number in SPREADS:
            rng, end = Random(number), WELL_MS + ILL_MS
            reports = sorted(
                report
                for n in range(number)
                for report in Isolate(n, rng).live(total / number, end, WELL_MS, 0.0)
            )
            first = min((r.at_ms for r in reports if r.ejected_ms), default=inf)
            voted = by_votes(reports)
            either = min(voted, by_counts(reports))
            failures = sum(r.failures for r in reports if r.at_ms <= voted)
            pace = f"one in {number / total:.0f} s" if number > total else f"{total / number:g}/s"
            times = (seconds(when - WELL_MS) for when in (first, voted, either))
            rows.append((f"{total:.0f}/s", number, pace, *times, failures))
    columns = ("requests in all", "isolates", "each sees", "first ejection", "out by votes")
    return Table("missed", (*columns, "by votes or counts", "failures until out by votes"), rows)


def by_votes(reports: list[Report]) -> float:
    votes = Votes()
    for at, isolate, requests, _, ejected_ms in reports:
        votes.hear(str(isolate), requests, ejected_ms, at)
        if ejected_ms and votes.until_ms(at) > at:
            return at
    return inf


def by_counts(reports: list[Report]) -> float:
    """When the object would eject the variant by the failures of all isolates together, with the
    rule that each isolate uses for itself."""
    recent: deque[Report] = deque()
    requests = failures = 0
    for report in reports:
        recent.append(report)
        requests, failures = requests + report.requests, failures + report.failures
        while recent[0].at_ms < report.at_ms - TERMS.window_ms:
            old = recent.popleft()
            requests, failures = requests - old.requests, failures - old.failures
        if requests >= TERMS.at_least and failures >= TERMS.rate * requests:
            return report.at_ms
    return inf
