"""The Coordinator's state: probes and votes of all variants, merged into one snapshot.

1. `version` grows whenever something changes that isolates act on, and only then. Only that has to
   survive a restart, so the state is stored when the version has grown.
2. A state without a past has a new `epoch`: versions of different epochs cannot be compared.
3. An isolate without a report for a minute does not count any more.
4. After a restart the stored exclusions hold until isolates have had time to report again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, get_args

from policies.basics.untyped import JsonObject, Parsed
from policies.fleet.active_health import ActiveHealth, Probe
from policies.fleet.last_minute import LastMinute
from policies.fleet.report import Report
from policies.fleet.snapshot import Active, CoordinatorView, Snapshot, snapshot_json
from policies.fleet.votes import Votes
from policies.resilience.drill import Drill
from policies.resilience.health_terms import ActiveTerms

if TYPE_CHECKING:
    from policies.api import drills as api
    from policies.api import health as health_api

FORMAT = 1  # of the stored state
FORGOTTEN_MS = 60_000  # isolates without a report for so long are forgotten
MAX_ISOLATES = 1_000  # the latest; more would hardly change the votes
CLOSE_MS = 1_000  # ends of an exclusion that are closer count as equal
SETTLING_MS = 15_000  # the time of three reports


class Fact(NamedTuple):
    """What isolates act on. `until_ms`: the end of an exclusion by votes, 0 for none; `target`:
    what was probed, "" if no probe has told anything."""

    active: Active
    since_ms: float
    recovered_ms: float | None
    until_ms: float
    target: str = ""


class Coordination:
    """The whole state, without I/O."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.version = 1
        self.active_health = ActiveHealth()
        self._drills: list[api.Drill] = []
        self._rollouts: list[JsonObject] = []
        self._is_all = True
        self._facts: dict[str, Fact] = {}
        self._names: list[str] = []
        self._votes: dict[str, Votes] = {}
        self._counts: dict[str, LastMinute] = {}
        self._isolates: OrderedDict[str, float] = (
            OrderedDict()
        )  # the time of the last report, oldest first
        self.settled_ms = 0.0  # until then stored exclusions hold

    def plan(self, terms: ActiveTerms | None, targets: Mapping[str, str], now_ms: float) -> None:
        """Take the variants of the policy, with their targets. Others are forgotten."""
        self._names = list(targets)
        self.active_health.plan(terms, targets, now_ms)
        for known in (self._votes, self._counts):
            for name in known.keys() - set(self._names):
                del known[name]
        self.look(now_ms)

    def hear(self, report: Report, now_ms: float) -> str:
        """Take the report of an isolate. Returns the snapshot, or only its version if the isolate
        has it."""
        self._isolates[report.isolate] = now_ms
        self._isolates.move_to_end(report.isolate)
        for name, (requests, failures, ejected_ms) in report.variants.items():
            votes = self._votes.setdefault(name, Votes())
            votes.hear(report.isolate, requests, ejected_ms, now_ms)
            if requests:
                self._counts.setdefault(name, LastMinute()).add(requests, failures, now_ms)
        if report.epoch == self.epoch and report.version > self.version:
            # The stored state is older than what isolates know.
            self.epoch, self.version = f"{self.epoch}+", self.version + 1
        self.look(now_ms)
        if (report.epoch, report.version) == (self.epoch, self.version):
            return json.dumps({"epoch": self.epoch, "version": self.version})
        return snapshot_json(self.snapshot(now_ms))

    def look(self, now_ms: float) -> None:
        """Update what isolates act on, and the version if that has changed."""
        self._forget_silent(now_ms)
        names = self._votes.keys() | self.active_health.probes.keys() | self._facts.keys()
        facts = {name: self._fact(name, now_ms) for name in names}
        facts = {name: fact for name, fact in facts.items() if fact != NOTHING}
        if facts != self._facts:
            self._facts = facts
            self.version += 1

    def drill(self, running: Iterable[Drill]) -> None:
        """Set the running drills."""
        documents = [drill.to_dict() for drill in running]
        if documents != self._drills:
            self._drills = documents
            self.version += 1

    def roll(self, rollouts: list[JsonObject], *, is_all: bool) -> bool:
        """Set the rollouts that have started. Returns whether they have changed."""
        if (rollouts, is_all) == (self._rollouts, self._is_all):
            return False
        self._rollouts, self._is_all = rollouts, is_all
        self.version += 1
        return True

    def unwell(self, now_ms: float) -> frozenset[str]:
        """Return the names of the variants that fail: by probes, or by the votes of most isolates
        that use them. Unlike for an exclusion, one isolate may be all of them."""
        ill = [name for name, fact in self._facts.items() if fact.active == "unhealthy"]
        return frozenset(ill).union(n for n, votes in self._votes.items() if votes.most(now_ms))

    def snapshot(self, now_ms: float) -> Snapshot:
        """Return what isolates are told."""
        names = [*self._names, *(self._facts.keys() - set(self._names))]
        variants = {name: self._view(name, now_ms) for name in names}
        begun = self._drills, self._rollouts, self._is_all
        return Snapshot(self.epoch, self.version, variants, *begun)

    def rest(self, now_ms: float) -> None:
        """Forget the probes: no isolate reports any more, and they would be outdated when one
        does."""
        self.active_health = ActiveHealth()
        self.look(now_ms)

    def state(self, now_ms: float) -> health_api.Coordinated:
        """Return the whole state as JSON."""
        names = self._names or sorted(self._facts)
        return {
            "epoch": self.epoch,
            "version": self.version,
            "isolates": len(self._isolates),
            "variants": {name: self._described(name, now_ms) for name in names},
        }

    def restore(self, name: str, fact: Fact, now_ms: float) -> None:
        """Restore a stored fact."""
        self._facts[name] = fact
        if fact.active != "unknown":
            probe = self.active_health.probes[name] = Probe(fact.target, now_ms)
            probe.state, probe.since_ms = fact.active, fact.since_ms
            probe.recovered_ms = fact.recovered_ms

    def to_json(self) -> str:
        """Return what has to survive a restart."""
        kept = {"format": FORMAT, "epoch": self.epoch, "version": self.version}
        return json.dumps({**kept, "facts": self._facts})

    def _forget_silent(self, now_ms: float) -> None:
        isolates = self._isolates
        while isolates and (
            len(isolates) > MAX_ISOLATES or next(iter(isolates.values())) < now_ms - FORGOTTEN_MS
        ):
            name, _ = isolates.popitem(last=False)
            for votes in self._votes.values():
                votes.forget(name)

    def _fact(self, name: str, now_ms: float) -> Fact:
        votes, probe = self._votes.get(name), self.active_health.probes.get(name)
        until = votes.until_ms(now_ms) if votes else 0.0
        before_ms = self._facts.get(name, NOTHING).until_ms
        is_settling = now_ms < self.settled_ms and until < before_ms
        if before_ms > now_ms and (is_settling or abs(until - before_ms) < CLOSE_MS):
            until = before_ms
        if probe is None or probe.state == "unknown":
            return NOTHING._replace(until_ms=until)
        return Fact(probe.state, probe.since_ms, probe.recovered_ms, until, probe.target)

    def _view(self, name: str, now_ms: float) -> CoordinatorView:
        active, _, recovered_ms, until_ms, _ = self._facts.get(name, NOTHING)
        recovered = None if recovered_ms is None else max(0, int(now_ms - recovered_ms))
        votes = self._votes.get(name)
        voters = votes.voters(now_ms) if votes else 0
        return CoordinatorView(active, recovered, max(0, int(until_ms - now_ms)), voters)

    def _described(self, name: str, now_ms: float) -> health_api.CoordinatedVariant:
        view, probe = self._view(name, now_ms), self.active_health.probes.get(name)
        counts = self._counts.get(name)
        requests, failures = counts.sums(now_ms) if counts else (0, 0)
        return {
            "active": view.active if probe else None,
            "since_ms": int(now_ms - probe.since_ms) if probe else None,
            "probe": _last(probe, now_ms) if probe else None,
            "voters": view.voters,
            "ejected_ms": view.ejected_ms,
            "requests": requests,
            "failures": failures,
        }


NOTHING = Fact("unknown", 0.0, None, 0.0)


def _last(probe: Probe, now_ms: float) -> health_api.Probe | None:
    if probe.last is None:
        return None
    status, took_ms, reason = probe.last
    age_ms = int(now_ms - probe.last_ms)
    return {"status": status, "took_ms": took_ms, "reason": reason, "age_ms": age_ms}


def coordination_from(text: str, now_ms: float) -> Coordination | None:
    """Return the stored state; None if it cannot be read."""
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            return None
        state = Coordination(str(kept["epoch"]))
        state.version = int(kept["version"])
        for name, values in kept["facts"].items():
            state.restore(str(name), _fact_from(values), now_ms)
        state.settled_ms = now_ms + SETTLING_MS
        return state
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _fact_from(values: list[Parsed]) -> Fact:
    # Older versions kept no target.
    active, since_ms, recovered_ms, until_ms, target = values if len(values) > 4 else [*values, ""]
    if active not in get_args(Active):
        raise ValueError(active)
    recovered = None if recovered_ms is None else _time(recovered_ms)
    return Fact(active, _time(since_ms), recovered, _time(until_ms), str(target))


def _time(value: Parsed) -> float:
    time = float(value)
    if not isfinite(time):
        raise ValueError(value)
    return time
