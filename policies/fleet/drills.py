"""The drills that run: which may start, when each ends, and the events of both.

1. A drill that would leave a route without a serving variant is refused, whatever its mode, unless
   it is forced.
2. A drill that is not forced ends early if variants fail outside of it, and it takes the last
   serving variants from a route. A drilled variant looks unhealthy because of the drill, so it
   counts as healthy unless it was unhealthy before.
3. A scheduled run starts at its time, or late as long as its time has not passed, and never twice.
   A schedule counts from when it is first seen: a policy that is pushed in the middle of a run does
   not start it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from policies.basics.callers import SCHEDULE
from policies.basics.schedule import last_run_ms, next_run_ms
from policies.basics.transitions import next_state
from policies.basics.untyped import JsonObject
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.fleet.drill_states import INITIAL, TRANSITIONS, DrillEvent, DrillState
from policies.fleet.remaining import Gap, gaps, groups_of
from policies.resilience.drill import Drill, Fault, ScheduledDrill, Target, drill_from, time_text

if TYPE_CHECKING:
    from policies.api import drills as api

MAX_ACTIVE = 100
MAX_PAST = 100
MAX_GAPS = 20  # in a refusal; people read no more

LOGGED: dict[DrillState, api.EventName] = {
    DrillState.RUNNING: "drill-started",
    DrillState.REFUSED: "drill-refused",
    DrillState.ENDED: "drill-ended",
}


class DrillRequest(NamedTuple):
    """A request to start a drill. `by`: the id of an API key, or a name of
    `policies.basics.callers`; `name`: that of a scheduled drill."""

    target: Target
    fault: Fault
    for_ms: int
    by: str
    forced: bool = False
    name: str | None = None


class DrillRefusal(NamedTuple):
    """Why a drill was refused. `gaps`: the routes and regions that it would leave without
    variants."""

    reason: str
    gaps: tuple[Gap, ...] = ()

    def to_dict(self) -> api.DrillRefusal:
        """Return the JSON of a refusal; `more` counts the gaps beyond `MAX_GAPS`."""
        gaps = [gap.to_dict() for gap in self.gaps[:MAX_GAPS]]
        return {"reason": str(self), "gaps": gaps, "more": len(self.gaps) - len(gaps)}

    def __str__(self) -> str:
        names = "; ".join(map(str, self.gaps[:MAX_GAPS]))
        more = len(self.gaps) - MAX_GAPS
        which = f" for {names}" + (f"; and {more} more" if more > 0 else "") if names else ""
        return self.reason + which


class Ended(NamedTuple):
    """A drill that has ended. `why`: the value of the event that ended it; `by`: the caller who
    stopped it, if one did."""

    drill: Drill
    at_ms: int
    why: str
    by: str | None = None

    def to_dict(self) -> api.EndedDrill:
        return {
            **self.drill.to_dict(),
            "ended_at": time_text(self.at_ms),
            "why": cast("api.Why", self.why),
            "ended_by": self.by,
        }


class DrillContext(NamedTuple):
    """What decides about drills: the policy, and the names of the variants that fail (`unwell`)."""

    policy: CompiledPolicy
    unwell: Container[str]


class Drills:
    """The running drills, the last `MAX_PAST` that ended, and the next runs.

    `failing`: by the id of a drill, the variants in it that were unhealthy before. `runs`: by the
    name of a scheduled drill, its schedule and the time of its next run. `events`: what has
    happened since `take_events`; without events, only `runs` can have changed.
    """

    def __init__(self, rng: Random) -> None:
        self.active: list[Drill] = []
        self.failing: dict[str, list[str]] = {}
        self.past: deque[Ended] = deque(maxlen=MAX_PAST)  # the newest first
        self.events: list[api.DrillEvent] = []
        self._rng = rng
        self.runs: dict[str, tuple[str, int | None]] = {}

    def start(
        self, request: DrillRequest, now_ms: float, world: DrillContext
    ) -> Drill | DrillRefusal:
        """Start a drill, or return why it is refused."""
        self.tick(now_ms, world)
        return self._begin(request, int(now_ms), int(now_ms) + request.for_ms, world)

    def stop(self, drill_id: str | None, by: str, now_ms: float) -> list[Ended]:
        """End the drill of this id; None ends all drills."""
        wanted = [drill for drill in self.running(now_ms) if drill_id in (None, drill.id)]
        return [self._end(drill, int(now_ms), DrillEvent.STOPPED, by) for drill in wanted]

    def tick(self, now_ms: float, world: DrillContext) -> None:
        """End drills whose time is over, that the policy no longer has, or that leave no variant;
        start the runs that are due."""
        now = int(now_ms)
        for drill in list(self.active):
            if drill.ends_ms <= now:
                self._end(drill, drill.ends_ms, DrillEvent.TIME)
            elif not _is_wanted(drill, world.policy):
                self._end(drill, now, DrillEvent.POLICY)
        for drill in self._in_the_way(world):
            self._end(drill, now, DrillEvent.NOTHING_LEFT)
        for request, ends_ms in self._due(now, world.policy.drills):
            self._begin(request, now, ends_ms, world)

    def running(self, now_ms: float) -> list[Drill]:
        return [drill for drill in self.active if drill.is_on(now_ms)]

    def next_ms(self) -> int | None:
        """Return the time of the next end or run; None if there is none."""
        runs = [run for _, run in self.runs.values() if run is not None]
        return min([*runs, *(drill.ends_ms for drill in self.active)], default=None)

    def scheduled(self, policy: CompiledPolicy) -> list[api.ScheduledDrill]:
        """Return the drills of the policy, each with the time of its next run."""
        documents = [drill.to_dict() for drill in policy.drills]
        for document in documents:
            run = self.runs.get(document["name"], ("", None))[1]
            document["next_at"] = time_text(run) if run else None
        return documents

    def take_events(self) -> list[api.DrillEvent]:
        taken, self.events = self.events, []
        return taken

    def to_json(self) -> JsonObject:
        """Return the whole state except the events."""
        active = [drill.to_dict() for drill in self.active]
        past = [[ended.drill.to_dict(), ended.at_ms, ended.why, ended.by] for ended in self.past]
        return {"active": active, "failing": self.failing, "past": past, "runs": self.runs}

    def restore(self, document: JsonObject) -> None:
        """Restore what `to_json` returned. Raises `ValueError` for anything else."""
        try:
            active = [drill_from(entry) for entry in document["active"]]
            failing = {drill.id: list(document["failing"][drill.id]) for drill in active}
            past = [Ended(drill_from(drill), *rest) for drill, *rest in document["past"]]
            runs = {name: (schedule, run) for name, (schedule, run) in document["runs"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not drills: {error!r}") from error
        self.active, self.failing, self.runs = active, failing, runs
        self.past.extend(past)

    def _begin(
        self, request: DrillRequest, now: int, ends_ms: int, world: DrillContext
    ) -> Drill | DrillRefusal:
        target, fault, _, by, forced, name = request
        drill = Drill(self._new_id(), target, fault, now, ends_ms, by, forced, name)
        refusal = self._refusal(drill, world)
        event = DrillEvent.REFUSED if refusal else DrillEvent.ADMITTED
        state = next_state(TRANSITIONS, INITIAL, event)
        if refusal:
            self._tell(state, drill, now, by, str(refusal))
            return refusal
        hit = [v for v in world.policy.variants if drill.covers(v) and v.name in world.unwell]
        self.failing[drill.id] = [v.name for v in hit if not _is_drilled(v, self.active)]
        self.active.append(drill)
        self._tell(state, drill, now, by, None)
        return drill

    def _refusal(self, drill: Drill, world: DrillContext) -> DrillRefusal | None:
        if not any(map(drill.covers, world.policy.variants)):
            return DrillRefusal(f"there is no {drill.target}")
        if len(self.active) >= MAX_ACTIVE:
            return DrillRefusal(f"{MAX_ACTIVE} drills are running already")
        if drill.name and any(running.name == drill.name for running in self.active):
            return DrillRefusal("the run before is not over")
        if drill.forced:
            return None

        def is_out(variant: Variant) -> bool:
            return variant.name in world.unwell or _is_drilled(variant, self.active)

        found = gaps(world.policy, is_out, drill.covers)
        return DrillRefusal("nothing would be left", tuple(found)) if found else None

    def _end(self, drill: Drill, at_ms: int, why: DrillEvent, by: str | None = None) -> Ended:
        before = DrillState.RUNNING if drill in self.active else DrillState.ENDED
        state = next_state(TRANSITIONS, before, why)
        self.active.remove(drill)
        del self.failing[drill.id]
        ended = Ended(drill, at_ms, why, by)
        self.past.appendleft(ended)
        self._tell(state, drill, at_ms, by, why)
        return ended

    def _tell(
        self, state: DrillState, drill: Drill, at_ms: int, by: str | None, why: str | None
    ) -> None:
        """Add the event that a drill has reached this state."""
        event: api.DrillEvent = {
            "at": time_text(at_ms),
            "event": LOGGED[state],
            "by": by,
            "drill": drill.to_dict(),
        }
        if why:
            event["why"] = why
        self.events.append(event)

    def _in_the_way(self, world: DrillContext) -> list[Drill]:
        """Return the drills to end so that every route keeps a serving variant: the newest first,
        and none that was forced."""
        going, ended = list(self.active), list[Drill]()
        for group in groups_of(world.policy) if going else ():
            forced = [drill for drill in going if drill.forced]
            if forced and all(_is_drilled(variant, going) for variant in group.variants):
                continue  # the caller who forced it wanted that
            free = [variant for variant in group.variants if not _is_drilled(variant, forced)]
            for drill in going[::-1]:
                if any(self._serves(variant, going, ended, world) for variant in free):
                    break
                if not drill.forced and any(self._keeps(drill, variant) for variant in free):
                    going.remove(drill)
                    ended.append(drill)
        return ended

    def _serves(
        self, variant: Variant, going: Sequence[Drill], ended: Sequence[Drill], world: DrillContext
    ) -> bool:
        if _is_drilled(variant, going):
            return False
        return variant.name not in world.unwell or any(self._keeps(d, variant) for d in ended)

    def _keeps(self, drill: Drill, variant: Variant) -> bool:
        """Return whether the drill alone keeps the variant from serving."""
        return drill.covers(variant) and variant.name not in self.failing[drill.id]

    def _due(self, now: int, wanted: Sequence[ScheduledDrill]) -> list[tuple[DrillRequest, int]]:
        """Return the runs that are due, with the time when each ends."""
        runs, self.runs, due = self.runs, {}, []
        for scheduled in wanted:
            schedule, run = runs.get(scheduled.name, ("", None))
            if schedule != scheduled.schedule:
                run = next_run_ms(scheduled.schedule, now)
            elif run is not None and run <= now:
                ends_ms = (last_run_ms(schedule, now) or run) + scheduled.for_ms
                if ends_ms > now:
                    request = DrillRequest(
                        scheduled.target,
                        scheduled.fault,
                        scheduled.for_ms,
                        SCHEDULE,
                        name=scheduled.name,
                    )
                    due.append((request, ends_ms))
                run = next_run_ms(schedule, now)
            self.runs[scheduled.name] = (scheduled.schedule, run)
        return due

    def _new_id(self) -> str:
        """Return an id that no running or recent drill has. It is short, since people type it."""
        taken = {drill.id for drill in self.active} | {ended.drill.id for ended in self.past}
        while True:
            drill_id = f"d-{self._rng.getrandbits(16):04x}"
            if drill_id not in taken:
                return drill_id


def _is_drilled(variant: Variant, drills: Sequence[Drill]) -> bool:
    return any(drill.covers(variant) for drill in drills)


def _is_wanted(drill: Drill, policy: CompiledPolicy) -> bool:
    """Return whether the policy still has the target, and the drill if it is a scheduled one."""
    if drill.name and all(scheduled.name != drill.name for scheduled in policy.drills):
        return False
    return any(map(drill.covers, policy.variants))
