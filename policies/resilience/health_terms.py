"""The settings of health in a policy, as decisions use them. Times in milliseconds."""

from __future__ import annotations

from typing import NamedTuple


class ActiveTerms(NamedTuple):
    """Active health. `expect`: ranges of status codes, both ends included; `body`: text that the
    response must contain."""

    path: str
    interval_ms: int
    timeout_ms: int
    unhealthy_after: int
    healthy_after: int
    expect: tuple[tuple[int, int], ...]
    body: str | None


class OutlierTerms(NamedTuple):
    """Outlier detection. A variant is ejected after `consecutive` failures (0: never for that), or
    when a share `rate` of at least `at_least` attempts in `window_ms` failed."""

    consecutive: int
    rate: float
    at_least: int
    window_ms: int
    eject_ms: int
    max_eject_ms: int
    slow_start_ms: int


class HealthTerms(NamedTuple):
    """Both. `active` is None without probes. `panic`: if no larger share of a pool's variants is
    healthy, its health is ignored."""

    active: ActiveTerms | None
    passive: OutlierTerms
    panic: float
