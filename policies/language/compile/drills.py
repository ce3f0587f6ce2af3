"""Compiles drills to the tables that `policies.resilience.drill.scheduled_from` reads."""

from __future__ import annotations

from typing import Any

from policies.language.model.drills import Drill


def drill_tables(drills: list[Drill]) -> list[list[Any]]:
    return [_drill(drill) for drill in drills]


def _drill(drill: Drill) -> list[Any]:
    kinds = {"region": drill.region, "variant": drill.variant, "pool": drill.pool}
    target = next((kind, name) for kind, name in kinds.items() if name)
    return [drill.name, *target, *drill.mode, drill.duration, drill.schedule]
