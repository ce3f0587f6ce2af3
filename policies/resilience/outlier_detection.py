"""Outlier detection: the state of one variant in one isolate, by the requests sent there.

Its states are those of `outlier_states.py`; in a policy, its settings are `health.passive`.

1. Failures in a row, or too large a share of them in a window, eject a variant: for `eject_ms`
   times the number of ejections in a row, at most `max_eject_ms`. The number falls by one for each
   `eject_ms` without an ejection (Envoy's outlier detection).
2. Then one request is the probe request, whose response decides. If none comes, there is another.
3. A returning variant gets its requests little by little (Envoy's slow start), and fewer failures
   than before eject it again.
4. Outcomes of requests that began before the present state are ignored.
"""

from __future__ import annotations

from collections import deque

from policies.basics.transitions import next_state
from policies.resilience.health_terms import OutlierTerms
from policies.resilience.outlier_states import INITIAL, TRANSITIONS, OutlierEvent, OutlierState

SLOTS = 10  # parts of a window
MIN_SHARE = 0.1  # as in Envoy
PROBE_REQUEST_PATIENCE_MS = 2_000  # as long as a probe waits, if the policy does not say otherwise
MOST_DOUBLED = 6  # times: up to two minutes
PROBE_REQUEST_MS = 30_000  # a probe request without an outcome for so long is lost
SUSPECT_AFTER = 2  # failures in a row; a third is hardly the request's fault
ON_PROBATION = (2, 4)  # failures in a row, and attempts for a share
_WELL, _EJECTED, _RETURNING = (
    OutlierState.WELL,
    OutlierState.EJECTED,
    OutlierState.RETURNING,
)  # requests need not look them up


class OutlierDetection:
    """The state of one variant. Times in milliseconds since 1970; `began_ms` is the start of an
    attempt."""

    __slots__ = (
        "_consecutive",
        "_ejections",
        "_failed",
        "_probe_requests",
        "_slot",
        "_slots",
        "_state",
        "_succeeded",
        "_undone",
        "failures",
        "probe_request_until_ms",
        "requests",
        "since_ms",
        "terms",
        "until_ms",
    )

    def __init__(self, terms: OutlierTerms) -> None:
        self.terms = terms
        self.requests = 0  # attempts in all
        self.failures = 0
        self.since_ms = 0.0  # since when it is ejected, returning or healthy
        self.until_ms = 0.0  # the end of the ejection
        self._state = INITIAL  # without half-open, which depends on the time: see `state`
        self._ejections = 0  # in a row, reduced with time
        self._probe_requests = 0  # in this ejection
        self._consecutive = 0  # failures in a row
        self._undone = 0  # the failures in a row that the last success ended
        self._forget()

    def state(self, now_ms: float) -> OutlierState:
        state = self._state
        if state is _EJECTED and now_ms >= self.until_ms:
            return TRANSITIONS[state, OutlierEvent.EJECTION_OVER]
        if state is _RETURNING and now_ms >= self.since_ms + self.terms.slow_start_ms:
            return TRANSITIONS[state, OutlierEvent.SLOW_START_OVER]
        return state

    @property
    def is_ejected(self) -> bool:
        """Whether it is ejected or half-open."""
        return self._state is _EJECTED

    def share(self, now_ms: float) -> float:
        """Return the share of its requests that a variant gets unless it is ejected."""
        if self.state(now_ms) is not _RETURNING:
            return 1.0  # also if the policy has no slow start any more
        return min(1.0, max(MIN_SHARE, (now_ms - self.since_ms) / self.terms.slow_start_ms))

    def awaits_probe_request(self, now_ms: float) -> bool:
        """Return whether a probe request may be sent."""
        return self._state is _EJECTED and now_ms >= max(self.until_ms, self.probe_request_until_ms)

    def begin_probe_request(self, now_ms: float) -> None:
        self.probe_request_until_ms = now_ms + PROBE_REQUEST_MS
        self._probe_requests += 1

    def probe_request_patience_ms(self) -> int:
        """Return how long a probe request may hold up a request that can go elsewhere: short at
        first, and longer each time, in case the variant is slow."""
        patience: int = PROBE_REQUEST_PATIENCE_MS << min(self._probe_requests - 1, MOST_DOUBLED)
        return patience

    def is_on_probation(self, now_ms: float) -> bool:
        """Return whether failures are likely, and better hidden from clients."""
        if self.terms.consecutive and self._consecutive >= SUSPECT_AFTER:
            return True
        state = self._state
        return state is not _WELL and (state is _EJECTED or self.state(now_ms) is _RETURNING)

    def succeeded(self, began_ms: float, now_ms: float) -> bool:
        """Record a success. Returns whether the state has changed."""
        self.requests += 1
        if began_ms < self.since_ms:
            return False
        state = self._state
        if state is _EJECTED:
            self._return(OutlierEvent.SUCCESS, now_ms)
            return True
        self._undone = self._consecutive
        self._consecutive = 0
        self._count(now_ms, 0)
        if state is _RETURNING and self.share(now_ms) == 1:
            self._move(OutlierEvent.SLOW_START_OVER, now_ms)
            return True
        return False

    def failed(self, began_ms: float, now_ms: float) -> bool:
        """Record a failure of the variant. Returns whether it is ejected now."""
        self.requests += 1
        self.failures += 1
        if began_ms < max(self.since_ms, self.until_ms):
            return False
        if self._state is _EJECTED:
            self._eject(OutlierEvent.PROBE_FAILED, now_ms)
            return True
        self._consecutive += 1
        self._count(now_ms, 1)
        if not self._is_too_bad(now_ms):
            return False
        self._eject(OutlierEvent.OUTLIER, now_ms)
        return True

    def broke(self, began_ms: float, now_ms: float) -> bool:
        """Record that a response broke off after it began: the success becomes a failure, also in
        the row of failures that it ended."""
        self.requests -= 1
        if began_ms >= self.since_ms and self._state is not _EJECTED:
            self._consecutive += self._undone
            self._undone = 0
            self._take_back()
        return self.failed(began_ms, now_ms)

    def rest(self, until_ms: float, now_ms: float) -> bool:
        """Eject it until then, because it asked for that. This is no failure, but ends like an
        ejection."""
        until_ms = min(until_ms, now_ms + self.terms.max_eject_ms)
        if until_ms <= max(now_ms, self.until_ms):
            return False
        if self._state is not _EJECTED:
            self._leave(now_ms)
        self._move(OutlierEvent.RETRY_AFTER, now_ms)
        self.until_ms = until_ms
        self.probe_request_until_ms = 0.0
        return True

    def returns(self, now_ms: float) -> None:
        """It is known to be healthy again."""
        self._return(OutlierEvent.RECOVERED, now_ms)

    def _move(self, event: OutlierEvent, now_ms: float) -> None:
        """Change the state. Half-open is not stored: it is an ejection whose time is over."""
        before = self.state(now_ms) if self._state is _EJECTED else self._state
        self._state = next_state(TRANSITIONS, before, event)

    def _return(self, event: OutlierEvent, now_ms: float) -> None:
        self._move(event, now_ms)
        self.until_ms, self.since_ms = 0.0, now_ms
        if not self.terms.slow_start_ms:
            self._move(OutlierEvent.SLOW_START_OVER, now_ms)
        self._forget()

    def _eject(self, event: OutlierEvent, now_ms: float) -> None:
        terms = self.terms
        if event is OutlierEvent.OUTLIER:
            self._ejections -= int((now_ms - self.since_ms) // terms.eject_ms)
            self._leave(now_ms)
        self._move(event, max(now_ms, self.until_ms))  # a probe request began after the ejection
        self._ejections = max(0, self._ejections) + 1
        self.probe_request_until_ms, self._probe_requests = 0.0, 0
        self.until_ms = now_ms + min(terms.eject_ms * self._ejections, terms.max_eject_ms)

    def _leave(self, now_ms: float) -> None:
        self.probe_request_until_ms, self._probe_requests = 0.0, 0
        self.since_ms = now_ms

    def _is_too_bad(self, now_ms: float) -> bool:
        consecutive, rate, at_least, *_ = self.terms
        if not consecutive and not rate:
            return False
        if self._state is _RETURNING and self.state(now_ms) is _RETURNING:
            consecutive = min(consecutive or ON_PROBATION[0], ON_PROBATION[0])
            at_least = min(at_least, ON_PROBATION[1])
        if consecutive and self._consecutive >= consecutive:
            return True
        total = self._succeeded + self._failed
        return bool(rate) and total >= at_least and self._failed >= rate * total

    def _forget(self) -> None:
        self._consecutive = self._undone = self._succeeded = self._failed = 0
        self._slot = -1
        self._slots: deque[list[int]] = deque()  # [slot, succeeded, failed]
        self.probe_request_until_ms = 0.0

    def _count(self, now_ms: float, failed: int) -> None:
        slot = int(now_ms * SLOTS // self.terms.window_ms)
        if slot > self._slot:
            self._slot = slot
            self._slots.append([slot, 0, 0])
            while self._slots[0][0] <= slot - SLOTS:
                _, well, ill = self._slots.popleft()
                self._succeeded -= well
                self._failed -= ill
        self._slots[-1][1 + failed] += 1
        if failed:
            self._failed += 1
        else:
            self._succeeded += 1

    def _take_back(self) -> None:
        """Take the last success back, unless it has left the window."""
        for slot in reversed(self._slots):
            if slot[1]:
                slot[1] -= 1
                self._succeeded -= 1
                return
