"""The Coordinator's drills: stored with the object, with every change in the audit log.

`policies.fleet.drills` decides what may begin and what ends. While the serving policy is unknown,
no drill begins, and drills end only by their time.
"""

from __future__ import annotations

import json
from collections.abc import Container
from math import inf
from typing import TYPE_CHECKING

from policies.compiled.model import Variant
from policies.fleet.drill_question import read_asked
from policies.fleet.drills import DrillContext, DrillRefusal, Drills
from policies.resilience.drill import Drill, InFront, faults_of
from router.edge.coordinator.audit import Audit
from router.edge.coordinator.collaborators import Collaborators
from router.edge.isolate.store import PolicyStore
from router.edge.runtime.faults import error_fields

if TYPE_CHECKING:
    from policies.api import drills as api

KEY = "drills"


def knows_policy(store: PolicyStore) -> bool:
    """Whether the serving policy is known."""
    return store.ready and (store.kv_error is None or store.source != "bundled")


class Drilling:
    """The parameter `unwell` names the variants that fail."""

    def __init__(self, around: Collaborators, audit: Audit) -> None:
        self._kv, self._audit, self._log = around.storage.kv, audit, around.log
        self._store, self._rng = around.store, around.rng
        self._drills = Drills(around.rng)
        self._runs = self._drills.runs  # as last written
        self._restore()

    def tick(self, now_ms: float, unwell: Container[str]) -> None:
        if knows_policy(self._store):
            self._drills.tick(now_ms, self._context(unwell))
            self._write()

    def next_ms(self) -> float:
        """When to tick next, if nothing happens before; inf: never."""
        next_ms = self._drills.next_ms()
        return inf if next_ms is None else next_ms

    def running(self, now_ms: float) -> list[Drill]:
        return self._drills.running(now_ms)

    def in_front(self, variant: Variant, now_ms: float) -> InFront:
        """The fault that a probe of that variant meets, as a request would."""
        met = faults_of(self.running(now_ms), variant, now_ms).draw(self._rng)
        return met and met.in_front

    def start(self, text: str, by: str, now_ms: float, unwell: Container[str]) -> dict[str, object]:
        """Start the drill that `by` requests with `text`. Returns `drill`, or `refused` with the
        reason."""
        if not knows_policy(self._store):
            return {"refused": DrillRefusal("the policy cannot be read").to_dict()}
        outcome = self._drills.start(read_asked(text, by), now_ms, self._context(unwell))
        self._write()
        return {"refused" if isinstance(outcome, DrillRefusal) else "drill": outcome.to_dict()}

    def stop(self, drill_id: str | None, by: str, now_ms: float) -> api.StoppedDrills:
        ended = self._drills.stop(drill_id, by, now_ms)
        self._write()
        return {"ended": [run.to_dict() for run in ended]}

    def to_dict(self, now_ms: float) -> api.Drills:
        """All drills, for the admin page."""
        return {
            "active": [drill.to_dict() for drill in self._drills.running(now_ms)],
            "scheduled": self._drills.scheduled(self._store.policy),
            "past": [run.to_dict() for run in self._drills.past],
        }

    def _context(self, unwell: Container[str]) -> DrillContext:
        return DrillContext(self._store.policy, unwell)

    def _restore(self) -> None:
        text = self._kv.get(KEY)
        if not isinstance(text, str):
            return
        try:
            self._drills.restore(json.loads(text))
            self._runs = self._drills.runs
        except ValueError as error:
            self._log("drills-unread", error_fields(error))

    def _write(self) -> None:
        """Write the events and the state together, or neither."""
        events, runs = self._drills.take_events(), self._drills.runs
        if not events and runs == self._runs:
            return
        self._audit.add(events)
        self._kv.put(KEY, json.dumps(self._drills.to_json()))
        self._runs = runs
