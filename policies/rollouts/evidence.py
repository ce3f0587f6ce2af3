"""Whether one pool is worse than another, or than a limit: a test that may look at any time.

Each interval gives an e-value: how much likelier what was counted is if the pool is worse by
a certain amount than if it is not, at the point of "not worse" that explains it best (Turner,
Ly and Grünwald, Generic E-variables for exact sequential k-sample tests, 2024: for a convex
hypothesis this point is the projection, found by bisection). Its expectation is at most 1 for
every pool that is not worse, whatever the rates are, and they may differ from interval to
interval. So products of e-values are large only by chance: at least 1/a with a probability of
at most a, however often one looks (Ville 1939).

Nobody knows by how much, or from when on, it is worse. So the products for several amounts,
beginning at each interval, are averaged, those that begin at the k-th with the weight
1/(k(k+1)): what was good for long and turns bad is found, too (Shin, Ramdas and Rinaldo,
E-detectors, 2023). The average is again an e-value for all times together.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt

from policies.basics.json import Json
from policies.basics.untyped import Parsed

FALSE_ALARMS = 0.01  # the probability that a rollout ends although its pool is not worse
GAPS = (0.01, 0.04, 0.15, 0.5)  # assumed increases of a rate from 0 to 1
MOST = 0.99  # the largest assumed rate; at 1 a single success would disprove it
LEAST = 0.0001  # the smallest allowed rate: a rate of 0 cannot be tested
MAX_VALUE = 1e9  # far above every alarm
Z = 1.96  # the 97.5 % quantile of the normal distribution
_STEPS = 50  # of the bisection


class Evidence:
    """The evidence of one test over all intervals. `value` grows if the pool is worse; `alarm(…)`
    is the value that rejects it."""

    __slots__ = ("_looks", "_sums")

    def __init__(self, sums: Sequence[float] = (0.0,) * len(GAPS), looks: int = 0) -> None:
        self._sums = list(sums)
        self._looks = looks

    @property
    def value(self) -> float:
        return sum(self._sums) / len(GAPS) + 1 / (self._looks + 1)

    def add(self, logs: Sequence[float]) -> None:
        """Add an interval: logarithms from `worse_than` or `over_limit`."""
        self._looks += 1
        begin = 1 / (self._looks * (self._looks + 1))
        for at, log_gain in enumerate(logs):
            grown = log(self._sums[at] + begin) + log_gain
            self._sums[at] = exp(min(grown, log(MAX_VALUE)))

    def to_json(self) -> list[Json]:
        return [self._looks, *self._sums]


def evidence_from(value: Parsed) -> Evidence:
    """Return what `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        looks, *sums = value
        evidence = Evidence([float(value) for value in sums], int(looks))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not evidence: {error}") from error
    if len(sums) != len(GAPS) or evidence._looks < 0 or not all(0 <= s <= MAX_VALUE for s in sums):
        raise ValueError("not evidence: out of range")
    return evidence


def alarm(tests: int) -> float:
    """Return the value that is an alarm with so many tests: together they have no more false alarms
    than one."""
    return tests / FALSE_ALARMS


Sample = tuple[int, int]  # how many, and how many of them were bad


def worse_than(to: Sample, other: Sample, margin: float, expected: float) -> list[float]:
    """Return the logarithms of the e-values against "the rate of `to` is at most that of `other`
    plus `margin`", one for each of `GAPS`. `expected`: the rate of `other`, from earlier counts."""
    return [_against(to, other, margin, expected, gap) for gap in GAPS]


def over_limit(to: Sample, limit: float) -> list[float]:
    """Return the logarithms of the e-values against "the rate of `to` is at most `limit`"."""
    limit = max(limit, LEAST)
    rates = [min(limit + gap, MOST) for gap in GAPS]
    return [_likelier(to, rate, limit) if rate > limit else 0.0 for rate in rates]


def upper_bound(sample: Sample) -> float:
    """Return a rate that the true one hardly exceeds (Wilson 1927, one-sided, 97.5 %)."""
    total, bad = sample
    if not total:
        return 1.0
    rate, spread = bad / total, Z * Z / total
    half = Z * sqrt(rate * (1 - rate) / total + spread / (4 * total))
    return min(1.0, (rate + spread / 2 + half) / (1 + spread))


def _against(to: Sample, other: Sample, margin: float, expected: float, gap: float) -> float:
    base = min(max(expected, LEAST), MOST)
    worse = min(base + margin + gap, MOST)
    if worse - margin <= base:
        return 0.0  # no rate is that large
    near = _projection(to[0], other[0], worse, base, margin)
    return _likelier(to, worse, near + margin) + _likelier(other, base, near)


def _projection(to: int, other: int, worse: float, base: float, margin: float) -> float:
    """Return the rate of the old pool at which both pools, `margin` apart, are nearest to `worse`
    and `base` by relative entropy: the zero of its derivative."""
    low, high = base, worse - margin
    for _ in range(_STEPS):
        rate = (low + high) / 2
        up = to * (rate + margin - worse) / ((rate + margin) * (1 - rate - margin))
        if up + other * (rate - base) / (rate * (1 - rate)) < 0:
            low = rate
        else:
            high = rate
    return (low + high) / 2


def _likelier(sample: Sample, rate: float, than: float) -> float:
    total, bad = sample
    return bad * log(rate / than) + (total - bad) * log((1 - rate) / (1 - than))
