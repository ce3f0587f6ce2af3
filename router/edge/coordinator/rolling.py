"""The Coordinator's rollouts: stored with the object, with every transition in the audit log.

`policies.rollouts` decides. While the serving policy is unknown, no rollout begins or moves on, but
a failing one is rolled back. Each transition is copied to KV: for isolates that start while the
Coordinator does not answer, and for a Coordinator that has lost its state.
"""

from __future__ import annotations

import json
from asyncio import wait_for
from collections.abc import Container
from math import inf
from typing import TYPE_CHECKING

from policies.basics.untyped import Parsed
from policies.compiled.policy import CompiledPolicy
from policies.rollouts.analysis import Result
from policies.rollouts.rollouts import CheckRequest, RolloutRefusal, Rollouts
from policies.rollouts.tallies import tallies_from
from policies.rollouts.world import RolloutContext, world_of
from router.edge.coordinator.audit import Audit
from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.drilling import knows_policy
from router.edge.isolate.keys import ROLLOUTS_KEY
from router.edge.runtime.faults import error_fields

if TYPE_CHECKING:
    from policies.api import rollouts as api

KEY = "rollouts"
RECOVERS_WITHIN_MS = 1_000
ASK_AGAIN_MS = 5_000  # if KV could not be read
UNKNOWN_POLICY = "the policy cannot be read; try again"


class Rolling:
    """The parameters `unwell` and `drilled` name variants."""

    def __init__(self, around: Collaborators, audit: Audit) -> None:
        self._kv, self._audit, self._log = around.storage.kv, audit, around.log
        self._store, self._clock = around.store, around.clock
        self._ask_service, self._workers_kv = around.ask, around.kv
        self._rollouts = Rollouts(around.rng)
        self._written = ""
        self._copied = ""  # to KV
        self.is_lost = False  # the stored state is missing, or cannot be read
        self._asked_ms = -inf  # when KV was last read for lost state
        self._policy: CompiledPolicy | None = None
        self._context: RolloutContext | None = None
        self._restore()

    def tick(self, now_ms: float, unwell: Container[str], drilled: Container[str]) -> None:
        if knows_policy(self._store):
            self._rollouts.tick(now_ms, self._around(unwell, drilled))
        else:
            self._rollouts.guard(now_ms)
        self._write()

    def hear(self, tallies: dict[str, object]) -> None:
        """Add the tallies of an isolate."""
        try:
            self._rollouts.hear(tallies_from(tallies))
        except ValueError as error:
            self._log("tallies-unread", error_fields(error))

    def act(
        self, question: list[Parsed], now_ms: float, unwell: Container[str], drilled: Container[str]
    ) -> dict[str, object]:
        """Takes `[name, action, by whom, note, force]`. Returns `rollout`, or `refused` with the
        reason and `unknown`: whether there is no rollout of that name."""
        name, action, *command = question
        around = self._around(unwell, drilled)
        if not knows_policy(self._store):
            around = self._rollouts.world()
            if action != "rollback" or name not in around.plans:
                return {"refused": UNKNOWN_POLICY, "unknown": False}
        outcome = self._rollouts.act(name, action, tuple(command), now_ms, around)
        self._write()
        if isinstance(outcome, RolloutRefusal):
            return {"refused": outcome.reason, "unknown": outcome.unknown}
        return {"rollout": outcome}

    def to_dicts(self, now_ms: float) -> list[api.Rollout]:
        """All rollouts, for the admin page."""
        return self._rollouts.to_dict(now_ms, self._around((), ()))

    def history(self, name: str, number: int) -> list[api.RolloutEvent]:
        return self._audit.of_rollout(name, number)

    def next_ms(self, now_ms: float, *, is_idle: bool) -> float:
        """When to tick next, if nothing happens before; inf: never."""
        next_ms = self._rollouts.next_ms(now_ms, is_idle=is_idle)
        return inf if next_ms is None else next_ms

    @property
    def is_all(self) -> bool:
        """Whether all rollouts that have begun are known."""
        return not self._rollouts.unread

    def overrides(self) -> list[dict[str, object]]:
        return self._rollouts.overrides()

    def asks(self, now_ms: float) -> list[CheckRequest]:
        return self._rollouts.asks(now_ms)

    async def ask(self, asking: CheckRequest) -> None:
        """Call one check, and record the result. Never raises."""
        check = asking.check
        url = f"https://{check.name}.internal{check.path}"
        document = json.dumps(asking.document)
        try:
            timeout_ms = check.timeout_ms
            status, text = await self._ask_service(check.binding, url, document, timeout_ms)
        except Exception as error:  # a check that does not answer decides nothing
            result: Result = ("error", str(error)[:200] or type(error).__name__)
        else:
            detail = f"status {status}" + (f": {text[:200].strip()}" if text.strip() else "")
            result = ("passed" if 200 <= status <= 299 else "failed", detail)
        self._rollouts.answer(asking.run, check.name, result)

    async def recover(self) -> bool:
        """Restore lost rollouts from the copy in KV. Returns whether KV was read. Never raises;
        tried again until KV can be read."""
        if not self.is_lost or self._clock() < self._asked_ms + ASK_AGAIN_MS:
            return False
        self._asked_ms = self._clock()
        try:
            copy = await wait_for(self._workers_kv().get(ROLLOUTS_KEY), RECOVERS_WITHIN_MS / 1000)
            if copy is None:
                self._rollouts.unread = self._written != ""
            else:
                self._rollouts.recover(json.loads(copy)["runs"], self._clock())
        except Exception as error:
            self._log("rollouts-unread", error_fields(error))
            self.is_lost = not isinstance(error, ValueError | KeyError | TypeError)
        else:
            self.is_lost = False
            self._write()
        return True

    @property
    def copy_is_due(self) -> bool:
        """False while rollouts are unread: the copy in KV may still have them."""
        return self.is_all and self._copied != self._copy()

    async def copy(self) -> None:
        """Write the copy to KV. Never raises; a later call tries again."""
        copy, runs = self._copy(), self._rollouts.to_json()
        text = json.dumps({"rollouts": self.overrides(), "is_all": True, "runs": runs})
        try:
            await self._workers_kv().put(ROLLOUTS_KEY, text.encode())
            self._copied = copy
        except Exception as error:  # KV takes one write a second of a key
            self._log("rollouts-not-copied", {"error": str(error)[:200]})

    def _copy(self) -> str:
        """The rollouts of the snapshot, which change only with transitions."""
        return json.dumps(self.overrides())

    def _around(self, unwell: Container[str], drilled: Container[str]) -> RolloutContext:
        policy = self._store.policy
        if self._context is None or policy is not self._policy:
            self._policy, self._context = policy, world_of(policy)
        return self._context._replace(unwell=unwell, drilled=drilled)

    def _restore(self) -> None:
        text = self._kv.get(KEY)
        self._copied = self._copy()  # if there has never been any, KV needs no copy
        self._rollouts.unread = self.is_lost = True
        if not isinstance(text, str):
            return
        self._written = text
        try:
            stored = json.loads(text)
            is_whole = self._rollouts.restore(stored["runs"], self._clock())
            self._rollouts.unread = bool(stored["unread"]) or not is_whole
            self.is_lost = not is_whole
        except (ValueError, KeyError, TypeError) as error:
            self._log("rollouts-unread", error_fields(error))

    def _write(self) -> None:
        """Write the events and the state together, or neither."""
        events = self._rollouts.take_events()
        stored = {"runs": self._rollouts.to_json(), "unread": self._rollouts.unread}
        text = json.dumps(stored)
        if self.is_lost and not events:
            return  # the stored state may become readable
        if text != self._written:
            self._kv.put(KEY, text)
            self._written = text
        self._audit.add(events)
