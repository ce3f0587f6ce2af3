"""All rollouts: those of the policy, and runs that are active or have ended.

A run that has ended keeps its weights until the policy changes the splits of its routes; then the
policy's weights apply. Isolates learn of a change only with a transition, so snapshots are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from policies.basics.callers import caller_text
from policies.basics.untyped import JsonObject, Parsed
from policies.compiled.rollout_plan import Check, RolloutPlan
from policies.rollouts.actions import ACTIONS, Command, moved_back
from policies.rollouts.analysis import Result
from policies.rollouts.counts import Counts
from policies.rollouts.documents import override_to_dict, run_to_dict, waiting_to_dict
from policies.rollouts.kept import LOST, UNREAD, run_from, run_json
from policies.rollouts.run import Run
from policies.rollouts.states import RolloutEvent
from policies.rollouts.world import Planned, RolloutContext

if TYPE_CHECKING:
    from policies.api import rollouts as api


class RolloutRefusal(NamedTuple):
    """Why an action is refused. `unknown`: there is no such rollout."""

    reason: str
    unknown: bool = False


class CheckRequest(NamedTuple):
    """A check to send: the run that it belongs to, and the JSON that it gets."""

    run: str
    check: Check
    document: api.Rollout


class Rollouts:
    """All runs by the name of their rollout. `unread`: part of the stored state cannot be read, so
    rollouts without a run may be active."""

    def __init__(self, rng: Random) -> None:
        self.runs: dict[str, Run] = {}
        self.unread = False
        self._events: list[api.RolloutEvent] = []
        self._rng = rng

    def tick(self, now_ms: float, world: RolloutContext) -> None:
        now = int(now_ms)
        self.unread = self.unread and not world.plans.keys() <= self.runs.keys()
        for name, run in list(self.runs.items()):
            run.tick(now, world)
            if run.is_settled(now):
                run.reason = "the policy's own split goes on from here"
                run.tell("settled", now, run.weight, weight=None)
                self._take(run)
                del self.runs[name]

    def guard(self, now_ms: float) -> None:
        """Judge the runs while the current policy is not known: no step is taken, but a failure
        still counts."""
        for run in self.runs.values():
            run.guard(int(now_ms), self.world())

    def world(self) -> RolloutContext:
        """The plans that the runs began with, for a time when the current policy is not known."""
        return RolloutContext(
            {name: Planned(run.plan, run.setting) for name, run in self.runs.items()}, ()
        )

    def act(
        self,
        name: str,
        action: str,
        command: tuple[str, str | None, bool],
        now_ms: float,
        world: RolloutContext,
    ) -> api.Rollout | RolloutRefusal:
        """Do an action: return the rollout afterwards, or why it is refused. `command`: the caller,
        a note, and whether it is forced."""
        planned, run, now = world.plans.get(name), self.runs.get(name), int(now_ms)
        if planned is None and run is None:
            known = [*world.plans, *self.runs]
            return RolloutRefusal(unknown_rollout(name, known), unknown=True)
        if run:
            run.tick(now, world)
        elif planned and action == "rollback" and self.unread:  # its weight is not known
            run = self.runs[name] = Run(self._new_id(), planned, now, command[0])
        issued = Command(*command, planned, now, world)
        if action == "start":
            refusal = self._start(name, run, issued)
        elif run is None:
            refusal = "it has not been started: `start` it first"
        else:
            refusal = ACTIONS[action](run, issued)
        if refusal:
            return RolloutRefusal(refusal)
        run = self.runs[name]
        run.note = issued.note or run.note
        return run_to_dict(run, now)

    def hear(self, counts_by_run: Mapping[str, Mapping[str, Counts]]) -> None:
        """Take the counts of an isolate: by run, then side."""
        runs = {run.id: run for run in self.runs.values()}
        for run_id, sides in counts_by_run.items():
            for side, counts in sides.items():
                if run_id in runs:
                    runs[run_id].hear(side, counts)

    def asks(self, now_ms: float) -> list[CheckRequest]:
        """Return the checks to send now."""
        return [
            CheckRequest(run.id, check, run_to_dict(run, int(now_ms)))
            for run in self.runs.values()
            for check in run.asks(int(now_ms))
        ]

    def answer(self, run_id: str, check: str, result: Result) -> None:
        for run in self.runs.values():
            if run.id == run_id:
                run.answer(check, result)

    def overrides(self) -> list[JsonObject]:
        """Return what isolates need to know of each run. If something is `unread`, they keep what
        they know of other runs."""
        return [override_to_dict(run) for run in self.runs.values()]

    def to_dict(self, now_ms: float, world: RolloutContext) -> list[api.Rollout]:
        """Return all rollouts as JSON: in the policy's order, then those that it no longer has."""
        now, unread = int(now_ms), UNREAD if self.unread else None
        documents = {n: waiting_to_dict(p, now, unread) for n, p in world.plans.items()}
        documents |= {name: run_to_dict(run, now) for name, run in self.runs.items()}
        return list(documents.values())

    def next_ms(self, now_ms: float, *, is_idle: bool) -> int | None:
        """Return the time of the next change that needs no caller; None if there is none."""
        times = [run.next_ms(int(now_ms), is_idle=is_idle) for run in self.runs.values()]
        return min((time_ms for time_ms in times if time_ms is not None), default=None)

    def take_events(self) -> list[api.RolloutEvent]:
        for run in self.runs.values():
            self._take(run)
        taken, self._events = self._events, []
        return sorted(taken, key=lambda event: str(event["at"]))

    def to_json(self) -> list[JsonObject]:
        return [run_json(run) for run in self.runs.values()]

    def restore(self, kept: Iterable[Parsed], now_ms: float) -> bool:
        """Restore what `to_json` returned. Returns whether all of it could be read."""
        is_whole = True
        for value in kept:
            try:
                run = run_from(value, int(now_ms))
            except (ValueError, TypeError, KeyError):
                is_whole = False
            else:
                self.runs[run.plan.name] = run
        self.unread = not is_whole
        return is_whole

    def recover(self, copied: Iterable[Parsed], now_ms: float) -> None:
        """Restore runs from a copy after their loss. They are held, since the copy may be older
        than the last action."""
        others = [value for value in copied if value["plan"][0] not in self.runs]
        known = set(self.runs)
        self.restore(others, now_ms)
        for name in self.runs.keys() - known:
            run = self.runs[name]
            if run.is_active:
                run.move(RolloutEvent.STATE_LOST, int(now_ms), LOST)
                run.tell("held", int(now_ms), run.weight)

    def _start(self, name: str, run: Run | None, command: Command) -> str | None:
        if command.planned is None:
            return "the policy has it no more"
        if run and run.is_active:
            return f"it is {run.state} already, since run {run.id}"
        if self.unread and run is None and not command.force:
            return f"{UNREAD}, so users might be moved back; `force` begins all the same"
        refusal = self._clashing(name, command.planned.plan) or (
            None
            if command.force
            else moved_back(command.planned.plan, 0, _now(run, command.planned))
        )
        if refusal:
            return refusal
        if run:
            self._take(run)
        begun = self.runs[name] = Run(self._new_id(), command.planned, command.now_ms, command.by)
        begun.enter(0, command.now_ms)
        begun.reason = f"started by {caller_text(command.by)}"
        before = run.weight if run else None
        begun.tell("started", command.now_ms, before, command.by, note=command.note)
        return None

    def _clashing(self, name: str, plan: RolloutPlan) -> str | None:
        """Return why the rollout cannot start: an active one that the policy no longer has moves
        one of its routes."""
        for other, run in self.runs.items():
            shared = set(run.plan.routes).intersection(plan.routes)
            if other != name and run.is_active and shared:
                return f"{other}, which is {run.state}, moves {min(shared)}: roll that back first"
        return None

    def _take(self, run: Run) -> None:
        self._events += run.events
        run.events = []

    def _new_id(self) -> str:
        taken = {run.id for run in self.runs.values()}
        while True:
            run_id = f"r-{self._rng.getrandbits(24):06x}"
            if run_id not in taken:
                return run_id


def _now(run: Run | None, planned: Planned) -> dict[str, float]:
    """Return the percentage of the new pool now, by route."""
    shares = planned.setting.shares
    return shares if run is None or run.weight is None else dict.fromkeys(shares, run.weight)


def unknown_rollout(name: str, known: Iterable[str]) -> str:
    """Return the message for a name that no rollout has, with the nearest name."""
    names = sorted(set(known))
    nearest = get_close_matches(name[:80], names, n=1)
    if nearest:
        hint = f"did you mean `{nearest[0]}`?"
    else:
        known = ", ".join(f"`{known_name}`" for known_name in names[:20])
        hint = f"known: {known}" if names else "the policy has no rollouts"
    return f"There is no rollout `{name[:80]}`; {hint}"
