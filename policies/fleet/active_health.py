"""Active health checks: what probes say of each variant, and when the next ones are due.

    unknown ── a good answer ──▶ healthy ── `unhealthy_after` failures ──▶ unhealthy
       └────── `unhealthy_after` failures ──────▶                             │
                                 ◀── `healthy_after` good answers ────────────┘

Failures and good answers count in a row. An unknown variant is probed at once. Afterwards each
variant has its own moment in every interval, so that probes are spread. A variant is not probed
again before its last probe has ended. A variant with another target is unknown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from policies.compiled.model import Variant
from policies.fleet.snapshot import Active
from policies.resilience.health_terms import ActiveTerms

BODY_BYTES = 65_536  # of a response, in which the expected text must be


class ProbeAnswer(NamedTuple):
    """The result of a probe; `status` 0: no answer. `reason`: why it is a failure, else ""."""

    status: int
    took_ms: int
    reason: str = ""


def judge(terms: ActiveTerms, status: int, body: str) -> str:
    """Return why an answer is a failure; "" if it is good."""
    if not any(low <= status <= high for low, high in terms.expect):
        return f"status {status}"
    if terms.body is not None and terms.body not in body:
        return "the expected text is not in the body"
    return ""


def target_of(variant: Variant) -> str:
    """Return what a variant's probes reach: its binding or URL, and its version."""
    return f"{variant.upstream} {variant.override or ''}".rstrip()


class Probe:
    """The probes of one variant. `target`: what they reach, "" if not known; `since_ms`: when
    its state began; `recovered_ms`: when it last became healthy after being unhealthy."""

    __slots__ = (
        *("_failures", "_good", "due_ms", "is_running", "last", "last_ms", "phase"),
        *("recovered_ms", "since_ms", "state", "target"),
    )

    def __init__(self, target: str, now_ms: float) -> None:
        self.target = target
        self.state: Active = "unknown"
        self.since_ms = now_ms
        self.recovered_ms: float | None = None
        self.due_ms = now_ms
        self.is_running = False
        self.phase = 0.0  # its moment in the interval, from 0 to 1
        self.last: ProbeAnswer | None = None
        self.last_ms = 0.0
        self._failures = 0  # in a row
        self._good = 0

    def begin(self, terms: ActiveTerms, now_ms: float) -> None:
        """A probe has been sent."""
        self.is_running = True
        self.schedule(terms, now_ms)

    def schedule(self, terms: ActiveTerms, now_ms: float) -> None:
        """The next probe is due at this variant's moment of the interval."""
        offset = self.phase * terms.interval_ms
        intervals = (now_ms - offset) // terms.interval_ms + 1
        self.due_ms = intervals * terms.interval_ms + offset

    def end(self, terms: ActiveTerms, answer: ProbeAnswer, now_ms: float) -> None:
        """A probe has ended."""
        self.last, self.last_ms, self.is_running = answer, now_ms, False
        if answer.reason:
            self._failures, self._good = self._failures + 1, 0
            if self.state != "unhealthy" and self._failures >= terms.unhealthy_after:
                self.state, self.since_ms = "unhealthy", now_ms
            return
        self._failures, self._good = 0, self._good + 1
        if self.state == "unhealthy" and self._good >= terms.healthy_after:
            self.state, self.since_ms, self.recovered_ms = "healthy", now_ms, now_ms
        elif self.state == "unknown":
            self.state, self.since_ms = "healthy", now_ms


class ActiveHealth:
    """The probes of all variants. Without terms no variant is probed, and all are unknown."""

    def __init__(self) -> None:
        self.probes: dict[str, Probe] = {}
        self._terms: ActiveTerms | None = None

    def plan(self, terms: ActiveTerms | None, targets: Mapping[str, str], now_ms: float) -> None:
        """Probe these variants, by their names, from now on."""
        old, is_new, self._terms = self.probes, terms != self._terms, terms
        self.probes = {}
        if terms is None:
            return
        for place, (name, target) in enumerate(targets.items()):
            probe = old.get(name)
            if probe is None or probe.target not in ("", target):
                probe = Probe(target, now_ms)
            probe.target, self.probes[name] = target, probe
            phase = place / len(targets)
            if is_new or phase != probe.phase:
                probe.phase = phase
                if probe.last:
                    probe.schedule(terms, now_ms)

    def begin(self, now_ms: float) -> list[str]:
        """Return the variants to probe now."""
        if self._terms is None:
            return []
        due = [n for n, p in self.probes.items() if p.due_ms <= now_ms and not p.is_running]
        for name in due:
            self.probes[name].begin(self._terms, now_ms)
        return due

    def end(self, name: str, target: str, answer: ProbeAnswer, now_ms: float) -> None:
        """A probe has ended. If the variant is not probed any more, or has another target, the
        answer is ignored."""
        probe = self.probes.get(name)
        if probe and probe.target == target and self._terms:
            probe.end(self._terms, answer, now_ms)

    def next_ms(self) -> float:
        """Return when the next probe is due, if those that are running have ended by then."""
        return min((probe.due_ms for probe in self.probes.values()), default=inf)
