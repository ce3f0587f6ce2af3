"""The Coordinator's rollouts: kept with the object, and every transition in the audit log.

What becomes of them is in `policies.rollouts`. While it is not known which policy serves,
nothing is begun and nothing moves on, but what turns bad is rolled back. A copy goes to KV with
each transition: for isolates that begin while the Coordinator cannot be asked, and for a
Coordinator that has lost what it knew.
"""

from __future__ import annotations

import json
from asyncio import wait_for
from collections.abc import Container
from math import inf
from typing import TYPE_CHECKING, Any

from policies.compiled.policy import CompiledPolicy
from policies.rollouts.analysis import Result
from policies.rollouts.rollouts import CheckRequest, RolloutRefusal, Rollouts
from policies.rollouts.tallies import tallies_from
from policies.rollouts.world import RolloutContext, world_of
from router.edge.coordinator.audit import Audit
from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.drilling import knows_policy
from router.edge.isolate.keys import ROLLOUTS_KEY
from router.edge.runtime.faults import described

if TYPE_CHECKING:
    from policies.api import rollouts as api

KEY = "rollouts"
RECOVERS_WITHIN_MS = 1_000
ASK_AGAIN_MS = 5_000  # if KV could not be read
UNKNOWN_POLICY = "the policy cannot be read; try again"


class Rolling:
    """`unwell` and `drilled`, wherever they are asked for, name variants."""

    def __init__(self, around: Collaborators, audit: Audit) -> None:
        self._kv, self._audit, self._log = around.storage.kv, audit, around.log
        self._store, self._clock = around.store, around.clock
        self._ask_service, self._workers_kv = around.ask, around.kv
        self._rollouts = Rollouts(around.rng)
        self._written = ""
        self._copied = ""  # to KV
        self.is_lost = False  # what was kept is not there, or cannot be read
        self._asked_ms = -inf  # when KV was, for what was lost
        self._policy: CompiledPolicy | None = None
        self._world: RolloutContext | None = None
        self._restore()

    def tick(self, now_ms: float, unwell: Container[str], drilled: Container[str]) -> None:
        if knows_policy(self._store):
            self._rollouts.tick(now_ms, self._around(unwell, drilled))
        else:
            self._rollouts.guard(now_ms)
        self._write()

    def hear(self, told: dict[str, Any]) -> None:
        """What an isolate has counted."""
        try:
            self._rollouts.hear(tallies_from(told))
        except ValueError as error:
            self._log("tallies-unread", described(error))

    def act(
        self, question: list[Any], now_ms: float, unwell: Container[str], drilled: Container[str]
    ) -> dict[str, Any]:
        """`[name, action, by whom, note, force]`. The answer: `rollout`, or `refused`, and
        why, and `unknown` if there is none of that name."""
        name, action, *command = question
        around = self._around(unwell, drilled)
        if not knows_policy(self._store):
            around = self._rollouts.world()
            if action != "rollback" or name not in around.plans:
                return {"refused": UNKNOWN_POLICY, "unknown": False}
        done = self._rollouts.act(name, action, tuple(command), now_ms, around)
        self._write()
        if isinstance(done, RolloutRefusal):
            return {"refused": done.reason, "unknown": done.unknown}
        return {"rollout": done}

    def to_dict(self, now_ms: float) -> list[api.Rollout]:
        """All of them, for people."""
        return self._rollouts.to_dict(now_ms, self._around((), ()))

    def history(self, name: str, number: int) -> list[api.RolloutEvent]:
        return self._audit.of_rollout(name, number)

    def next_ms(self, now_ms: float, *, is_idle: bool) -> float:
        """When to tick, if nothing happens before; inf for never."""
        next_ms = self._rollouts.next_ms(now_ms, is_idle=is_idle)
        return inf if next_ms is None else next_ms

    @property
    def is_all(self) -> bool:
        """Whether there are certainly no others that have begun."""
        return not self._rollouts.unread

    def overrides(self) -> list[dict[str, Any]]:
        return self._rollouts.overrides()

    def asks(self, now_ms: float) -> list[CheckRequest]:
        return self._rollouts.asks(now_ms)

    async def ask(self, asking: CheckRequest) -> None:
        """Ask one check, and take in what came of it. Never raises."""
        check = asking.check
        url = f"https://{check.name}.internal{check.path}"
        document = json.dumps(asking.document)
        try:
            timeout_ms = check.timeout_ms
            status, text = await self._ask_service(check.binding, url, document, timeout_ms)
        except Exception as error:  # one that does not answer decides nothing
            result: Result = ("error", str(error)[:200] or type(error).__name__)
        else:
            said = f"status {status}" + (f": {text[:200].strip()}" if text.strip() else "")
            result = ("passed" if 200 <= status <= 299 else "failed", said)
        self._rollouts.answer(asking.run, check.name, result)

    async def recover(self) -> bool:
        """What KV still has of rollouts that have been lost; whether it was asked. Never
        raises; tried again until KV can be read."""
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
            self._log("rollouts-unread", described(error))
            self.is_lost = not isinstance(error, ValueError | KeyError | TypeError)
        else:
            self.is_lost = False
            self._write()
        return True

    @property
    def copy_is_due(self) -> bool:
        """Not while something is unread: KV may still have it."""
        return self.is_all and self._copied != self._copy()

    async def copy(self) -> None:
        """What isolates are told, to KV. Never raises; a later call does what this could not."""
        copy, runs = self._copy(), self._rollouts.to_json()
        told = json.dumps({"rollouts": self.overrides(), "is_all": True, "runs": runs})
        try:
            await self._workers_kv().put(ROLLOUTS_KEY, told.encode())
            self._copied = copy
        except Exception as error:  # KV takes one write a second of a key
            self._log("rollouts-not-copied", {"error": str(error)[:200]})

    def _copy(self) -> str:
        """What isolates are told, which changes with transitions alone; see `copy`."""
        return json.dumps(self.overrides())

    def _around(self, unwell: Container[str], drilled: Container[str]) -> RolloutContext:
        policy = self._store.policy
        if self._world is None or policy is not self._policy:
            self._policy, self._world = policy, world_of(policy)
        return self._world._replace(unwell=unwell, drilled=drilled)

    def _restore(self) -> None:
        text = self._kv.get(KEY)
        self._copied = self._copy()  # if there has never been any, KV needs no copy
        self._rollouts.unread = self.is_lost = True
        if not isinstance(text, str):
            return
        self._written = text
        try:
            kept = json.loads(text)
            is_whole = self._rollouts.restore(kept["runs"], self._clock())
            self._rollouts.unread = bool(kept["unread"]) or not is_whole
            self.is_lost = not is_whole
        except (ValueError, KeyError, TypeError) as error:
            self._log("rollouts-unread", described(error))

    def _write(self) -> None:
        """What was told and what is so are written together, or not at all."""
        events = self._rollouts.take_events()
        kept = {"runs": self._rollouts.to_json(), "unread": self._rollouts.unread}
        text = json.dumps(kept)
        if self.is_lost and not events:
            return  # what is there may be read another time
        if text != self._written:
            self._kv.put(KEY, text)
            self._written = text
        self._audit.add(events)
