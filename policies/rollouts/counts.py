"""The counts of one pool: requests, failures, and response times.

Times are counted in buckets, each a tenth wider than the one before, and only for requests that did
not fail: a variant that fails at once is not fast. The number of requests over a limit counts only
buckets wholly beyond it, so it is never too high. A percentile is at most a tenth too high, and
never too low.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from math import ceil, log
from typing import TYPE_CHECKING

from policies.basics.json import Json
from policies.basics.untyped import Parsed

if TYPE_CHECKING:
    from policies.api import rollouts as api

WIDTH = 1.1
MAX_BUCKET = 134  # 350 s
_LOG_WIDTH = log(WIDTH)
MAX_COUNT = 1_000_000_000  # in one report; more is refused


class Counts:
    """Sums; `times` has the number of each bucket."""

    __slots__ = ("errors", "requests", "times")

    def __init__(
        self, requests: int = 0, errors: int = 0, times: Mapping[int, int] | None = None
    ) -> None:
        self.requests = requests
        self.errors = errors
        self.times: dict[int, int] = dict(times or {})

    def note(self, is_error: bool, took_ms: float) -> None:
        self.requests += 1
        if is_error:
            self.errors += 1
            return
        bucket = bucket_of(took_ms)
        self.times[bucket] = self.times.get(bucket, 0) + 1

    def add(self, other: Counts, sign: int = 1) -> None:
        self.requests += sign * other.requests
        self.errors += sign * other.errors
        for bucket, number in other.times.items():
            left = self.times.get(bucket, 0) + sign * number
            if left:
                self.times[bucket] = left
            else:
                self.times.pop(bucket, None)

    def broke(self) -> None:
        """Count a failure for a response that was counted as good, and then broke off."""
        self.errors += 1

    @property
    def failed(self) -> tuple[int, int]:
        """Return the numbers of requests and of failures."""
        return self.requests, min(self.errors, self.requests)

    @property
    def timed(self) -> int:
        return sum(self.times.values())

    def over(self, limit_ms: float) -> int:
        """Return how many requests certainly took longer than the limit."""
        first = bucket_of(limit_ms) + 1
        return sum(number for bucket, number in self.times.items() if bucket >= first)

    def percentile_ms(self, share: float) -> float | None:
        """Return the time that this share (0 to 1) of requests took at most; None without times."""
        total = self.timed
        buckets = sorted(self.times)
        sums = accumulate(self.times[bucket] for bucket in buckets)
        for bucket, so_far in zip(buckets, sums, strict=True):
            if so_far >= share * total:
                return float(WIDTH**bucket)
        return None

    def to_dict(self) -> api.Counted:
        """Return JSON: a rate from 0 to 1, times in milliseconds."""
        requests, errors = self.failed
        return {
            "requests": requests,
            "errors": errors,
            "error_rate": round(errors / requests, 6) if requests else None,
            "p50": self._rounded(0.5),
            "p95": self._rounded(0.95),
            "p99": self._rounded(0.99),
        }

    def _rounded(self, share: float) -> float | None:
        ms = self.percentile_ms(share)
        return None if ms is None else round(ms, 1)

    def to_json(self) -> list[Json]:
        return [self.requests, self.errors, {str(at): n for at, n in self.times.items()}]


def bucket_of(took_ms: float) -> int:
    """Return the bucket of a time. Bucket b holds times from WIDTH^(b-1) to WIDTH^b
    milliseconds."""
    if took_ms <= 1:
        return 0
    return min(MAX_BUCKET, ceil(log(took_ms) / _LOG_WIDTH - 1e-9))


def counts_from(value: Parsed) -> Counts:
    """Return what `to_json` wrote. Raises `ValueError` for anything else."""
    try:
        requests, errors, times = value
        buckets = {int(at): _count(number) for at, number in times.items()}
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not counts: {error}") from error
    if not all(0 <= bucket <= MAX_BUCKET for bucket in buckets):
        raise ValueError("not counts: there is no such bucket")
    return Counts(_count(requests), _count(errors), buckets)


def _count(value: Parsed) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"not a count: {str(value)[:40]}")
    return value
