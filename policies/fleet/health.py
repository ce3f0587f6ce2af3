"""The health of all variants in one isolate: its own outlier detection and the Coordinator's view.

A variant serves only if neither excludes it. If all are in service there is no `Availability`, and
a request pays one comparison. A probe that finds a variant healthy after it was unhealthy ends its
ejection; one that never failed does not, since requests may know more. The Coordinator's last view
is used for a minute; then the isolate uses its own view alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from math import ceil, inf
from typing import TYPE_CHECKING, NamedTuple

from policies.balancing.availability import Availability
from policies.basics.untyped import JsonObject
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.fleet.snapshot import Active, CoordinatorView, Snapshot
from policies.resilience.outlier_detection import OutlierDetection
from policies.resilience.outlier_states import OutlierState

if TYPE_CHECKING:
    from policies.api.health import VariantState

TOLD_FOR_MS = 60_000
LOOK_AGAIN_MS = 250  # while shares grow
MAX_RETRY_AFTER_S = 30  # a probe may find a variant healthy long before its ejection ends

Tell = Callable[[str, JsonObject], None]  # an event and its fields, for the log


class View(NamedTuple):
    """The health of one variant, for people."""

    state: VariantState
    share: float
    reason: str
    ejected_for_ms: int
    active: Active | None
    requests: int
    failures: int


class Health:
    """The health of all variants. `tell` gets an event for every change that matters to
    operators."""

    def __init__(self, tell: Tell) -> None:
        self.is_urgent = False  # something was ejected that the Coordinator has not heard of
        self._tell = tell
        self._policy: CompiledPolicy | None = None
        self._detections: dict[str, OutlierDetection] = {}
        self._reasons: dict[str, str] = {}
        self._views: dict[str, CoordinatorView] = {}
        self._excluded: dict[str, float] = {}  # by the Coordinator, until
        self._told_ms = -inf
        self._reported: dict[str, tuple[int, int]] = {}
        self._availability: Availability | None = None
        self._look_ms = -inf  # when to look again
        self._now_ms = -inf

    def availability(self, policy: CompiledPolicy, now_ms: float) -> Availability | None:
        """Return which variants are not fully in service; None if all are."""
        self._now_ms = now_ms
        if now_ms >= self._look_ms or policy is not self._policy:
            self._look(policy, now_ms)
        return self._availability

    def begin_probe_request(self, name: str, now_ms: float) -> None:
        self._detections[name].begin_probe_request(now_ms)
        self._look_ms = -inf

    def probe_request_patience_ms(self, name: str) -> int:
        """Return how long a probe request of this variant may hold up a request."""
        return self._detections[name].probe_request_patience_ms()

    def is_on_probation(self, name: str, now_ms: float) -> bool:
        """Return whether an error of this variant is better hidden from the client."""
        detection = self._detections.get(name)
        return detection is not None and detection.is_on_probation(now_ms)

    def retry_after_s(self, policy: CompiledPolicy, now_ms: float) -> int:
        """Return the seconds until the first variant of those that are out may be tried; at least
        one."""
        availability = self.availability(policy, now_ms)
        wait = availability.retry_ms if availability else 0.0
        return min(MAX_RETRY_AFTER_S, max(1, ceil(wait / 1000)))

    def succeeded(self, name: str, began_ms: float) -> None:
        """Record a successful attempt."""
        detection = self._detections.get(name)
        if detection and detection.succeeded(began_ms, max(began_ms, self._now_ms)):
            self._look_ms = -inf
            self._tell("variant-returns", {"variant": name})

    def failed(self, name: str, began_ms: float, now_ms: float, reason: str) -> None:
        """Record an attempt that failed through the variant's fault."""
        detection = self._detections.get(name)
        if detection and detection.failed(began_ms, now_ms):
            self._left(name, detection, now_ms, reason)

    def broke(self, name: str, began_ms: float, now_ms: float) -> None:
        """Record that a response broke off which counted as a success."""
        detection = self._detections.get(name)
        if detection and detection.broke(began_ms, now_ms):
            self._left(name, detection, now_ms, "broken answer")

    def rest(self, name: str, until_ms: float, now_ms: float) -> None:
        """Eject a variant until then, because it asked for that."""
        detection = self._detections.get(name)
        if detection and detection.rest(until_ms, now_ms):
            self._left(name, detection, now_ms, "Retry-After")

    def learn(self, snapshot: Snapshot | None, now_ms: float) -> None:
        """Apply a snapshot of the Coordinator; None: it is the same as before."""
        self._told_ms = now_ms
        if snapshot is None:
            return
        before = set(self._excluded)
        self._views = snapshot.variants
        self._excluded = {
            name: inf if view.active == "unhealthy" else now_ms + view.ejected_ms
            for name, view in snapshot.variants.items()
            if view.active == "unhealthy" or view.ejected_ms > 0
        }
        for name, detection in self._detections.items():
            view = snapshot.variants.get(name, CoordinatorView())
            recovered = -inf if view.recovered_ms is None else now_ms - view.recovered_ms
            if detection.is_ejected and recovered > detection.since_ms:
                detection.returns(now_ms)
        self._give_back(before - self._excluded.keys(), now_ms)

    def report(self, now_ms: float) -> dict[str, dict[str, int]]:
        """Return by variant: attempts and failures since the last report that was taken, and how
        long it stays ejected."""
        report = {}
        for name, detection in self._detections.items():
            requests, failures = self._reported.get(name, (0, 0))
            left = max(0, int(detection.until_ms - now_ms))
            counts = {"requests": detection.requests - requests}
            report[name] = counts | {"failures": detection.failures - failures, "ejected_ms": left}
        self.is_urgent = False
        return report

    def taken(self, report: dict[str, dict[str, int]]) -> None:
        """Note that the Coordinator has got this report."""
        for name, counts in report.items():
            requests, failures = self._reported.get(name, (0, 0))
            self._reported[name] = (requests + counts["requests"], failures + counts["failures"])

    def view(self, policy: CompiledPolicy, now_ms: float) -> dict[str, View]:
        """Return the health of every variant."""
        self._look(policy, now_ms)
        return {variant.name: self._view(variant, now_ms) for variant in policy.variants}

    def _view(self, variant: Variant, now_ms: float) -> View:
        name, detection = variant.name, self._detections[variant.name]
        view = self._views.get(name) if self._hears_coordinator(now_ms) else None
        state, reason = detection.state(now_ms), ""
        word: VariantState = state.value
        share = detection.share(now_ms)
        if state in (OutlierState.EJECTED, OutlierState.HALF_OPEN):
            share, reason = 0.0, self._reasons.get(name, "")
        elif self._is_excluded(name, now_ms):
            word = "unhealthy" if view and view.active == "unhealthy" else "ejected"
            share, reason = 0.0, "probes" if word == "unhealthy" else "other isolates"
        elif variant.drain:
            word, share = "drained", 0.0
        left = max(0, int(detection.until_ms - now_ms))
        active = view.active if view else None
        return View(word, share, reason, left, active, detection.requests, detection.failures)

    def _left(self, name: str, detection: OutlierDetection, now_ms: float, reason: str) -> None:
        self._look_ms = -inf
        self.is_urgent = True
        self._reasons[name] = reason
        left = {"variant": name, "for_ms": int(detection.until_ms - now_ms), "reason": reason}
        self._tell("variant-ejected", left)

    def _give_back(self, names: Iterable[str], now_ms: float) -> None:
        """Return requests little by little to variants that the Coordinator no longer excludes."""
        for name in names:
            detection = self._detections.get(name)
            if detection and not detection.is_ejected:
                detection.returns(now_ms)
        self._look_ms = -inf

    def _hears_coordinator(self, now_ms: float) -> bool:
        return now_ms < self._told_ms + TOLD_FOR_MS

    def _is_excluded(self, name: str, now_ms: float) -> bool:
        return self._hears_coordinator(now_ms) and now_ms < self._excluded.get(name, -inf)

    def _adopt(self, policy: CompiledPolicy) -> None:
        """Keep the state of variants that are still the same Worker or server."""
        old = {variant.name: variant for variant in self._policy.variants} if self._policy else {}
        terms, kept = policy.health.passive, {}
        for variant in policy.variants:
            was = old.get(variant.name)
            same = was and (was.upstream, was.override) == (variant.upstream, variant.override)
            kept[variant.name] = self._detections[variant.name] if same else OutlierDetection(terms)
            kept[variant.name].terms = terms
            if not same:
                self._reported.pop(variant.name, None)
        self._policy, self._detections = policy, kept

    def _look(self, policy: CompiledPolicy, now_ms: float) -> None:
        """Compute the availability, and the time of the next look."""
        if policy is not self._policy:
            self._adopt(policy)
        if self._excluded and not self._hears_coordinator(now_ms):
            excluded, self._excluded = self._excluded, {}
            self._give_back(excluded, now_ms)
        out: dict[str, float] = {}  # and until when
        returning, half_open = {}, {}
        patience = policy.health.passive.eject_ms
        for name, detection in self._detections.items():
            if self._is_excluded(name, now_ms):
                out[name] = min(self._excluded[name], self._told_ms + TOLD_FOR_MS)
            elif detection.awaits_probe_request(now_ms):
                half_open[name] = now_ms >= detection.until_ms + patience
            elif detection.is_ejected:
                out[name] = max(detection.until_ms, detection.probe_request_until_ms)
            elif detection.share(now_ms) < 1:
                returning[name] = detection.share(now_ms)
        if not out and not half_open and not returning:
            self._availability, self._look_ms = None, inf
            return
        again = [now_ms + LOOK_AGAIN_MS] if returning or half_open else []
        self._look_ms = min([*out.values(), *again])
        panic = _in_panic(policy, out.keys() | half_open.keys())
        spared = {variant.name for variant in policy.variants if variant.pool in panic}
        half_open = {name: any_will for name, any_will in half_open.items() if name not in spared}
        left = frozenset(name for name in out if name not in spared)
        retry = min([until - now_ms for until in out.values()], default=0.0)
        self._availability = Availability(left, returning, half_open, panic, retry)


def _in_panic(policy: CompiledPolicy, out: Collection[str]) -> frozenset[str]:
    """Return the pools with so few healthy variants that all requests would overload them."""
    threshold = policy.health.panic
    if not threshold:
        return frozenset()
    pools: dict[str, list[bool]] = {}
    for variant in policy.variants:
        if not variant.drain:
            pools.setdefault(variant.pool, []).append(variant.name not in out)
    return frozenset(
        pool for pool, well in pools.items() if 0 < sum(well) <= threshold * len(well) < len(well)
    )
