"""Checks of drills against the rest of the policy; see `check.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic_core import PydanticCustomError

from policies.basics.durations import duration_text
from policies.basics.schedule import shortest_gap_ms
from policies.compiled.policy import CompiledPolicy
from policies.fleet.remaining import gaps
from policies.language.compile.compile import compile_policy
from policies.language.findings.findings import Path, shown
from policies.language.findings.found import (
    Found,
    entries_of,
    list_in,
    mapping_in,
    repeated_names,
    served_pools,
    unknown,
)
from policies.language.model.drills import MAX_DRILLS
from policies.language.model.policy import Policy
from policies.language.values.drills import read_drill_time, read_schedule

MAX_GAPS = 5  # listed in one finding
DRILLS_AT_ONCE = 5  # schedules that are searched in one unit of work


def _names(policy: object) -> Iterator[Found]:
    return repeated_names(policy, "drills", "duplicate-drill")


def _targets(policy: object) -> Iterator[Found]:
    variants = mapping_in(policy, "variants")
    regions = set(mapping_in(policy, "regions"))
    inhabited = {
        str(variant.get("region")) for variant in variants.values() if isinstance(variant, dict)
    }
    for index, drill in _drills(policy):
        path: Path = ("drills", index)
        yield from unknown("region", drill.get("region"), regions, (*path, "region"))
        yield from unknown("variant", drill.get("variant"), set(variants), (*path, "variant"))
        yield from unknown("pool", drill.get("pool"), served_pools(policy), (*path, "pool"))
        region = drill.get("region")
        if isinstance(region, str) and region in regions - inhabited:
            message = f"no variant is in region `{shown(region)}`, so the drill has no effect"
            yield "drill-without-variants", (*path, "region"), message, "name another region"


def _lengths(policy: object) -> Iterator[Found | None]:
    for index, drill in _drills(policy):
        if index % DRILLS_AT_ONCE == DRILLS_AT_ONCE - 1:
            yield None
        try:
            length = read_drill_time(drill.get("for"))
            gap = shortest_gap_ms(read_schedule(drill.get("schedule")))
        except PydanticCustomError:
            continue
        if gap is not None and length > gap:
            message = f"it lasts longer than the time between two runs ({duration_text(gap)})"
            hint = "make it shorter, or schedule it less often"
            yield "drill-too-long", ("drills", index, "for"), message, hint


def _drills(policy: object) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the drills; none if there are too many, which is a finding of its own."""
    if len(list_in(policy, "drills")) <= MAX_DRILLS:
        yield from entries_of(policy, "drills")


def refused_drills(policy: Policy) -> Iterator[Found]:
    """Yield a finding for each drill that leaves a route without variants when all are healthy."""
    if not policy.drills:
        return
    compiled = CompiledPolicy(compile_policy(policy, ""))
    for index, drill in enumerate(compiled.drills):
        found = gaps(compiled, lambda _: False, drill.target.covers)
        if found:
            listed = "; ".join(str(gap) for gap in found[:MAX_GAPS])
            more = f" (and {len(found) - MAX_GAPS} more)" if len(found) > MAX_GAPS else ""
            message = f"it leaves no variant, so each run will be refused: {listed}{more}"
            hint = "choose a smaller target, or give the route's pools a `fallback`"
            yield "drill-refused", ("drills", index, drill.target.kind), message, hint


DRILL_RULES: tuple[Callable[[object], Iterator[Found | None]], ...] = (_names, _targets, _lengths)
