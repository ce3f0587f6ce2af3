"""Compiles drills."""

from __future__ import annotations

from policies.language.model.drills import Drill
from policies.resilience.drill import Fault, ScheduledDrill, Target


def scheduled_drills(drills: list[Drill]) -> tuple[ScheduledDrill, ...]:
    return tuple(_drill(drill) for drill in drills)


def _drill(drill: Drill) -> ScheduledDrill:
    return ScheduledDrill(
        name=drill.name,
        target=_target(drill),
        fault=Fault(*drill.mode),
        for_ms=drill.duration,
        schedule=drill.schedule,
    )


def _target(drill: Drill) -> Target:
    if drill.region:
        return Target("region", drill.region)
    return Target("variant", drill.variant) if drill.variant else Target("pool", drill.pool or "")
