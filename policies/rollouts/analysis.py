"""Judges a rollout by the requests of both pools in each interval.

1. Too few requests decide nothing: the interval goes on until there are enough. Neither success nor
   failure is assumed without data.
2. Every limit is a hypothesis that is tested (`evidence.py`), a percentile too: "the p95 is at most
   300 ms" means that at most 5 of 100 requests take longer.
3. Pools are compared over the same time, so what slows or breaks both counts against neither. When
   all requests go to the new pool, it is compared with the earlier counts of the old one; without
   those, nothing passes.
4. A test in doubt, and a check without an answer, decide nothing: the interval neither passes nor
   fails. A check that answers with a failure fails it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.basics.durations import duration_text
from policies.basics.untyped import JsonMapping, JsonObject, Parsed
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
COMPARED = 0.95  # the percentile whose increase is tested
DOUBT = 3.0  # an e-value: the counts are three times likelier if the pool is worse
PRIOR = 200  # assumed earlier requests, one of which failed

CheckWord = Literal["passed", "failed", "error"]
Result = tuple[CheckWord, str]  # of a check, with its message


class Verdict(NamedTuple):
    """The verdict on one interval. `sides`: the counts of both pools, as JSON."""

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
    """The analysis of one rollout. `sides`: the counts of this interval, which began at `since_ms`;
    `failures`: the number of failed intervals; `known`: earlier counts of the old pool."""

    def __init__(self, terms: AnalysisSpec, now_ms: int, known: Counts | None = None) -> None:
        self.terms = terms
        self.since_ms = now_ms
        self.sides = {side: Counts() for side in SIDES}
        self.failures = 0
        self.last: Verdict | None = None
        self.evidence = {name: Evidence() for name in _tests(terms)}
        self.known = known or Counts()  # of the old pool, before this interval

    @property
    def due_ms(self) -> int:
        return self.since_ms + self.terms.interval_ms

    @property
    def alarm(self) -> float:
        return alarm(len(self.evidence))

    def hear(self, side: str, counts: Counts) -> None:
        self.sides[side].add(counts)

    def begin(self, now_ms: int) -> None:
        """Begin another interval."""
        self.since_ms = now_ms
        self.sides = {side: Counts() for side in SIDES}

    def bear(self) -> None:
        """Ignore a failure: the evidence that led to it is dropped."""
        known = self.evidence.items()
        self.evidence = {n: Evidence() if e.value >= self.alarm else e for n, e in known}

    def judge(
        self, now_ms: int, *, is_whole: bool, is_out: bool, results: Mapping[str, Result]
    ) -> Verdict:
        """End the interval with a verdict. `is_whole`: all requests go to the new pool, so there is
        nothing to compare with; `is_out`: none of its variants is healthy; `results`: those of the
        checks, by name."""
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

    def to_json(self) -> JsonObject:
        return {
            "since_ms": self.since_ms,
            "sides": {side: counts.to_json() for side, counts in self.sides.items()},
            "failures": self.failures,
            "last": self.last,
            "evidence": {name: evidence.to_json() for name, evidence in self.evidence.items()},
            "known": self.known.to_json(),
        }

    def restore(self, value: JsonMapping) -> None:
        """Restore what `to_json` returned. Raises `ValueError` for anything else."""
        try:
            self.sides = {side: counts_from(value["sides"][side]) for side in SIDES}
            self.evidence = {n: evidence_from(value["evidence"][n]) for n in _tests(self.terms)}
            self.known = counts_from(value["known"])
            self.since_ms, self.failures = int(value["since_ms"]), int(value["failures"])
            self.last = _verdict_from(value["last"]) if value["last"] else None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an analysis: {error!r}") from error

    def _missing(self, is_whole: bool) -> list[str]:
        """Return which data are too few for a verdict."""
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
        """Return the tests whose evidence has reached `level`, with the numbers."""
        found = [name for name, evidence in self.evidence.items() if evidence.value >= level]
        return [f"{name}: {self._because(name)}" for name in found]

    def _tested(self, is_whole: bool) -> Iterator[tuple[str, list[float]]]:
        """Yield each test of this interval: its name, and the logarithms of its e-values."""
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
        """Return the counts that a test compares, as text."""
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
        """Add the interval to what is known of the old pool; older counts weigh less."""
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
    """Return the names of the tests for the limits of the policy."""
    limits = {
        ERROR_RATE: terms.error_rate,
        "p50": terms.p50_ms,
        "p95": terms.p95_ms,
        "p99": terms.p99_ms,
        ERROR_INCREASE: terms.error_increase,
        LATENCY_INCREASE: terms.latency_increase,
    }
    return [name for name, limit in limits.items() if limit is not None]


def _verdict_from(value: Parsed) -> Verdict:
    word, at_ms, reasons, sides, checks = value
    return Verdict(word, int(at_ms), tuple(reasons), dict(sides), tuple(map(tuple, checks)))
