"""The drills there are: who may begin, when each ends, and what is told of it.

A drill that would leave a route with nothing is refused, whatever its mode, unless it is
forced. One that is not forced ends early when others fail in earnest and it keeps the last
variants from a route. A drilled variant looks unwell because of the drill; so it is taken
to be well, unless it was unwell before.

A run of the policy's schedule begins at its time, or late while its time has not passed,
and never twice. A schedule counts from when it is first seen: a policy that is pushed in
the middle of a run does not begin it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from policies.basics.schedule import last_run_ms, next_run_ms
from policies.basics.transitions import next_state
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.fleet.drill_states import INITIAL, TRANSITIONS, DrillEvent, DrillState
from policies.fleet.remaining import Gap, gaps, groups_of
from policies.resilience.drill import Drill, Fault, ScheduledDrill, Target, drill_from, time_text

if TYPE_CHECKING:
    from policies.api import drills as api

MAX_ACTIVE = 100
MAX_PAST = 100
MAX_GAPS = 20  # are told; a person reads no more
SCHEDULE = "schedule"

LOGGED: dict[DrillState, api.EventName] = {
    DrillState.RUNNING: "drill-started",
    DrillState.REFUSED: "drill-refused",
    DrillState.ENDED: "drill-ended",
}


class DrillRequest(NamedTuple):
    """A drill that somebody wants."""

    target: Target
    fault: Fault
    for_ms: int
    by: str
    forced: bool = False
    name: str | None = None


class DrillRefusal(NamedTuple):
    """`gaps`: what the drill would leave with nothing."""

    reason: str
    gaps: tuple[Gap, ...] = ()

    def to_dict(self) -> api.DrillRefusal:
        """`more`: how many gaps are left out."""
        gaps = [gap.to_dict() for gap in self.gaps[:MAX_GAPS]]
        return {"reason": str(self), "gaps": gaps, "more": len(self.gaps) - len(gaps)}

    def __str__(self) -> str:
        names = "; ".join(map(str, self.gaps[:MAX_GAPS]))
        more = len(self.gaps) - MAX_GAPS
        which = f" for {names}" + (f"; and {more} more" if more > 0 else "") if names else ""
        return self.reason + which


class Ended(NamedTuple):
    """`why`: the value of the event that ended it. `by`: who stopped it, if somebody did."""

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
    """What the drills are looked at in: `unwell` names the variants that fail."""

    policy: CompiledPolicy
    unwell: Container[str]


class Drills:
    """`failing`: by drill, whom it hits that was unwell before. `runs`: by name, a schedule
    and its next run. `events`: what has happened and nobody has taken yet, for the audit
    log; without any, nothing but `runs` can have changed."""

    def __init__(self, rng: Random) -> None:
        self.active: list[Drill] = []
        self.failing: dict[str, list[str]] = {}
        self.past: deque[Ended] = deque(maxlen=MAX_PAST)  # the newest first
        self.events: list[api.DrillEvent] = []
        self._rng = rng
        self.runs: dict[str, tuple[str, int | None]] = {}

    def start(
        self, asked: DrillRequest, now_ms: float, world: DrillContext
    ) -> Drill | DrillRefusal:
        """Begin a drill, if it may be."""
        self.tick(now_ms, world)
        return self._begin(asked, int(now_ms), int(now_ms) + asked.for_ms, world)

    def stop(self, drill_id: str | None, by: str, now_ms: float) -> list[Ended]:
        """End one drill, or all of them."""
        wanted = [drill for drill in self.running(now_ms) if drill_id in (None, drill.id)]
        return [self._end(drill, int(now_ms), DrillEvent.STOPPED, by) for drill in wanted]

    def tick(self, now_ms: float, world: DrillContext) -> None:
        """What the time, and what has changed in the world, make of the drills."""
        now = int(now_ms)
        for drill in list(self.active):
            if drill.ends_ms <= now:
                self._end(drill, drill.ends_ms, DrillEvent.TIME)
            elif not _is_wanted(drill, world.policy):
                self._end(drill, now, DrillEvent.POLICY)
        for drill in self._in_the_way(world):
            self._end(drill, now, DrillEvent.NOTHING_LEFT)
        for asked, ends_ms in self._due(now, world.policy.drills):
            self._begin(asked, now, ends_ms, world)

    def running(self, now_ms: float) -> list[Drill]:
        return [drill for drill in self.active if drill.is_on(now_ms)]

    def next_ms(self) -> int | None:
        """When there is something to do, if nothing else happens."""
        runs = [run for _, run in self.runs.values() if run is not None]
        return min([*runs, *(drill.ends_ms for drill in self.active)], default=None)

    def scheduled(self, policy: CompiledPolicy) -> list[api.ScheduledDrill]:
        """The policy's drills, with when each runs next."""
        documents = [each.to_dict() for each in policy.drills]
        for each in documents:
            run = self.runs.get(each["name"], ("", None))[1]
            each["next_at"] = time_text(run) if run else None
        return documents

    def take_events(self) -> list[api.DrillEvent]:
        taken, self.events = self.events, []
        return taken

    def to_json(self) -> dict[str, Any]:
        """All of it but the events."""
        active = [drill.to_dict() for drill in self.active]
        past = [[each.drill.to_dict(), each.at_ms, each.why, each.by] for each in self.past]
        return {"active": active, "failing": self.failing, "past": past, "runs": self.runs}

    def restore(self, document: dict[str, Any]) -> None:
        """Go on with what `to_json` gave. Raises `ValueError` if this is something else."""
        try:
            active = [drill_from(each) for each in document["active"]]
            failing = {drill.id: list(document["failing"][drill.id]) for drill in active}
            past = [Ended(drill_from(drill), *rest) for drill, *rest in document["past"]]
            runs = {name: (schedule, run) for name, (schedule, run) in document["runs"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not drills: {error!r}") from error
        self.active, self.failing, self.runs = active, failing, runs
        self.past.extend(past)

    def _begin(
        self, asked: DrillRequest, now: int, ends_ms: int, world: DrillContext
    ) -> Drill | DrillRefusal:
        target, fault, _, by, forced, name = asked
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
        if drill.name and any(each.name == drill.name for each in self.active):
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
        """That a drill has come to this state."""
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
        """Those to end, none of them forced, so that every route has somebody; of several
        the newest first."""
        going, ended = list(self.active), list[Drill]()
        for group in groups_of(world.policy) if going else ():
            forced = [drill for drill in going if drill.forced]
            if forced and all(_is_drilled(variant, going) for variant in group.variants):
                continue  # whoever forced it wanted that
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
        """Whether it keeps a variant from serving that would."""
        return drill.covers(variant) and variant.name not in self.failing[drill.id]

    def _due(self, now: int, wanted: Sequence[ScheduledDrill]) -> list[tuple[DrillRequest, int]]:
        """Runs whose time has come and not passed, with when they end."""
        runs, self.runs, due = self.runs, {}, []
        for each in wanted:
            schedule, run = runs.get(each.name, ("", None))
            if schedule != each.schedule:
                run = next_run_ms(each.schedule, now)
            elif run is not None and run <= now:
                ends_ms = (last_run_ms(schedule, now) or run) + each.for_ms
                if ends_ms > now:
                    asked = DrillRequest(
                        each.target, each.fault, each.for_ms, SCHEDULE, name=each.name
                    )
                    due.append((asked, ends_ms))
                run = next_run_ms(schedule, now)
            self.runs[each.name] = (each.schedule, run)
        return due

    def _new_id(self) -> str:
        """Short, since people type it; of those that are still told of, nobody's."""
        taken = {drill.id for drill in self.active} | {each.drill.id for each in self.past}
        while True:
            made = f"d-{self._rng.getrandbits(16):04x}"
            if made not in taken:
                return made


def _is_drilled(variant: Variant, drills: Sequence[Drill]) -> bool:
    return any(drill.covers(variant) for drill in drills)


def _is_wanted(drill: Drill, policy: CompiledPolicy) -> bool:
    """Whether the policy still has the target, and the drill if it is one of its own."""
    if drill.name and all(each.name != drill.name for each in policy.drills):
        return False
    return any(map(drill.covers, policy.variants))
