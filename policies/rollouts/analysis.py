"""How a rollout does: what came of both pools' requests in an interval, and what that says.

1. Too few requests say nothing: the interval goes on until there are enough. Nothing is
   taken for a success, or for a failure, that was not seen.
2. Every limit is a hypothesis that is tested (`evidence.py`); a percentile, too: "the p95 is
   at most 300 ms" says that at most 5 of 100 take longer.
3. Pools are compared over the same time, so what is bad for both counts against neither. When
   all requests go to the new pool, it is compared with what was measured of the old one before;
   without that, nothing passes.
4. A test that begins to doubt, and a check that does not answer, decide nothing: neither is
   anything passed. A check that says no is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from policies.basics.durations import duration_text
from policies.compiled.rollout_plan import AnalysisSpec
from policies.resilience.drill import time_text
from policies.rollouts.counts import Counts, counts_from
from policies.rollouts.evidence import (
    Evidence,
    alarm,
    evidence_from,
    over_limit,
    upper_bound,
    worse_than,
)

if TYPE_CHECKING:
    from policies.api import rollouts as api

Word = Literal["passed", "failed", "no-data", "inconclusive"]
SIDES = ("from", "to")
PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
COMPARED = 0.95  # the percentile whose increase is limited
DOUBT = 3.0  # a value: what was seen is three times likelier if it is worse
PRIOR = 200  # requests that are assumed to have come before, one of which failed

CheckWord = Literal["passed", "failed", "error"]
Result = tuple[CheckWord, str]  # of a check: passed, failed or error, and what it said


class Verdict(NamedTuple):
    """`sides`: the counts of both pools as people read them."""

    word: Word
    at_ms: int
    reasons: tuple[str, ...]
    sides: dict[str, api.Counted]
    checks: tuple[tuple[str, CheckWord, str], ...] = ()

    def to_dict(self) -> api.Verdict:
        return {
            "at": time_text(self.at_ms),
            "verdict": self.word,
            "reasons": list(self.reasons),
            "from": self.sides["from"],
            "to": self.sides["to"],
            "checks": [
                {"name": name, "result": result, "detail": detail}
                for name, result, detail in self.checks
            ],
        }


class Analysis:
    """`sides`: the counts of this interval, which began at `since_ms`. `failures`: verdicts so
    far that were failures. `known`: what has been learnt of the old pool by another one."""

    def __init__(self, terms: AnalysisSpec, now_ms: int, known: Counts | None = None) -> None:
        self.terms = terms
        self.since_ms = now_ms
        self.sides = {side: Counts() for side in SIDES}
        self.failures = 0
        self.last: Verdict | None = None
        self.evidence = {name: Evidence() for name in _tests(terms)}
        self.known = known or Counts()  # of the other pool, before this interval

    @property
    def due_ms(self) -> int:
        return self.since_ms + self.terms.interval_ms

    @property
    def alarm(self) -> float:
        return alarm(len(self.evidence))

    def hear(self, side: str, counts: Counts) -> None:
        self.sides[side].add(counts)

    def begin(self, now_ms: int) -> None:
        """Another interval."""
        self.since_ms = now_ms
        self.sides = {side: Counts() for side in SIDES}

    def bear(self) -> None:
        """A failure has no consequences: what it was decided on is not counted again."""
        known = self.evidence.items()
        self.evidence = {n: Evidence() if e.value >= self.alarm else e for n, e in known}

    def judge(
        self, now_ms: int, *, is_whole: bool, is_out: bool, results: Mapping[str, Result]
    ) -> Verdict:
        """The interval is over. `is_whole`: all requests go to the new pool, so there is nothing
        to compare with; `is_out`: none of its variants is well; `results` of the checks."""
        numbers = {side: counts.to_dict() for side, counts in self.sides.items()}
        checks = tuple((name, *result) for name, result in results.items())
        missing = self._missing(is_whole)
        failed = ["no variant of the new pool is well"] if is_out else []
        failed += [f"check {name} failed: {said}" for name, was, said in checks if was == "failed"]
        unsure = [f"check {name}: {said}" for name, was, said in checks if was == "error"]
        if not missing:
            self._test(is_whole)
            failed += self._beyond(self.alarm)
            unsure += [f"not sure yet: {reason}" for reason in self._beyond(DOUBT)]
            self._learn()
        word: Word = "failed" if failed else "no-data" if missing else "passed"
        if word == "passed" and unsure:
            word = "inconclusive"
        reasons = tuple(failed or missing or unsure)
        self.last = Verdict(word, now_ms, reasons, numbers, checks)
        self.failures += word == "failed"
        if missing:
            self.since_ms = now_ms
        else:
            self.begin(now_ms)
        return self.last

    def to_dict(self, next_at: str | None) -> api.Analysis:
        terms = self.terms
        values: dict[str, api.Evidence] = {
            name: {"value": round(evidence.value, 3), "alarm": round(self.alarm)}
            for name, evidence in self.evidence.items()
        }
        return {
            "interval": duration_text(terms.interval_ms),
            "next_at": next_at,
            "min_requests": terms.min_requests,
            "failure_limit": terms.failure_limit,
            "failures": self.failures,
            "dry_run": terms.dry_run,
            "requests": {
                "from": self.sides["from"].requests,
                "to": self.sides["to"].requests,
            },
            "evidence": values,
            "last": self.last and self.last.to_dict(),
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "since_ms": self.since_ms,
            "sides": {side: counts.to_json() for side, counts in self.sides.items()},
            "failures": self.failures,
            "last": self.last,
            "evidence": {name: each.to_json() for name, each in self.evidence.items()},
            "known": self.known.to_json(),
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """Go on with what `to_json` gave. Raises `ValueError` if this is something else."""
        try:
            self.sides = {side: counts_from(value["sides"][side]) for side in SIDES}
            self.evidence = {n: evidence_from(value["evidence"][n]) for n in _tests(self.terms)}
            self.known = counts_from(value["known"])
            self.since_ms, self.failures = int(value["since_ms"]), int(value["failures"])
            self.last = _verdict_from(value["last"]) if value["last"] else None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an analysis: {error!r}") from error

    def _missing(self, is_whole: bool) -> list[str]:
        """What there is too little of to judge anything."""
        has_other = not self.terms.compares or (is_whole and self.known.requests)
        sides = ("to",) if has_other else SIDES
        least, words = self.terms.min_requests, {"from": "old", "to": "new"}
        return [
            f"{self.sides[side].requests} of {least} requests of the {words[side]} pool"
            for side in reversed(sides)
            if self.sides[side].requests < least
        ]

    def _test(self, is_whole: bool) -> None:
        for name, logs in self._tested(is_whole):
            self.evidence[name].add(logs)

    def _beyond(self, level: float) -> list[str]:
        """The tests whose evidence has reached that, and why."""
        found = [name for name, each in self.evidence.items() if each.value >= level]
        return [f"{name}: {self._because(name)}" for name in found]

    def _tested(self, is_whole: bool) -> Iterator[tuple[str, list[float]]]:
        """Each test of this interval: its name, and the logarithms of its e-values."""
        terms, (other, to) = self.terms, (self.sides[side] for side in SIDES)
        if terms.error_rate is not None:
            yield ERROR_RATE, over_limit(to.failed, terms.error_rate)
        for (name, share), limit in zip(
            PERCENTILES, (terms.p50_ms, terms.p95_ms, terms.p99_ms), strict=True
        ):
            if limit is not None:
                yield name, over_limit((to.timed, to.over(limit)), 1 - share)
        known, alone = self.known, is_whole and other.requests < terms.min_requests
        if terms.error_increase is not None:
            expected, margin = (known.errors + 1) / (known.requests + PRIOR), terms.error_increase
            if alone:
                yield ERROR_INCREASE, over_limit(to.failed, upper_bound(known.failed) + margin)
            else:
                yield ERROR_INCREASE, worse_than(to.failed, other.failed, margin, expected)
        usual = known.percentile_ms(COMPARED)
        if terms.latency_increase is not None and usual is not None:
            slow = to.timed, to.over(usual * (1 + terms.latency_increase))
            if alone:
                seen = known.timed, known.over(usual)
                yield LATENCY_INCREASE, over_limit(slow, upper_bound(seen))
            else:
                others = other.timed, other.over(usual)
                yield LATENCY_INCREASE, worse_than(slow, others, 0.0, 1 - COMPARED)

    def _because(self, name: str) -> str:
        """What was counted, as people compare it."""
        other, to = (self.sides[side] for side in SIDES)
        if name in (ERROR_RATE, ERROR_INCREASE):
            text = "{1} of {0} failed".format(*to.failed)
            if name == ERROR_RATE:
                return text
            if other.requests < self.terms.min_requests:
                return text + " against {1} of {0} before".format(*self.known.failed)
            return text + " against {1} of {0}".format(*other.failed)
        share = dict(PERCENTILES).get(name, COMPARED)
        times = [to.percentile_ms(share)]
        times += [other.percentile_ms(share)] if name == LATENCY_INCREASE else []
        return " against ".join("nothing" if ms is None else f"{ms:,.0f} ms" for ms in times)

    def _learn(self) -> None:
        """What is known of the other pool counts for less the older it is."""
        if self.sides["from"].requests < self.terms.min_requests:
            return
        known, self.known = self.known, Counts()
        halved = {at: n // 2 for at, n in known.times.items() if n > 1}
        errors = known.errors // 2
        self.known = Counts(errors + sum(halved.values()), errors, halved)
        self.known.add(self.sides["from"])


ERROR_RATE = "error rate"
ERROR_INCREASE = "error rate against the old pool"
LATENCY_INCREASE = "p95 against the old pool"


def _tests(terms: AnalysisSpec) -> list[str]:
    """The names of those that the terms ask for."""
    asked = {
        ERROR_RATE: terms.error_rate,
        "p50": terms.p50_ms,
        "p95": terms.p95_ms,
        "p99": terms.p99_ms,
        ERROR_INCREASE: terms.error_increase,
        LATENCY_INCREASE: terms.latency_increase,
    }
    return [name for name, limit in asked.items() if limit is not None]


def _verdict_from(value: Any) -> Verdict:
    word, at_ms, reasons, sides, checks = value
    return Verdict(word, int(at_ms), tuple(reasons), dict(sides), tuple(map(tuple, checks)))
