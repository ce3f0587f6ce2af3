"""Checks a router before a drill: its policy, its variants, and whether the plan fits.

A plan that would show nothing is refused before anything is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from policies.drill_plan.model import DrillPlan
from policies.drill_plan.places import Places
from policies.resilience.drill import drill_from
from router.api.client import AdminClient
from router.terminal.errors import Failed

if TYPE_CHECKING:
    from policies.api.drills import Drills
    from policies.api.status import Status


@dataclass(frozen=True, slots=True)
class Surveyed:
    url: str
    digest: str  # of the policy that serves
    source: str
    status: str
    places: Places
    targets: frozenset[str]  # the variants that the drill will affect


def survey(client: AdminClient, plan: DrillPlan) -> Surveyed:
    """Return the state of the router. Raises `Failed` if a drill with this plan would be
    useless."""
    status: Status = client.get("status")
    places = Places.from_status(status["variants"])
    target = plan.drill.target
    targets = places.within(target)
    if not targets:
        known = places.names(target.kind)
        nearest = get_close_matches(target.name, known, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known[:20])}"
        raise Failed(f"the router has no variant in {target}", where=client.url, hint=hint)
    goals = plan.objectives
    silent = status["policy"].get("identify") is False
    if silent and (goals.leave_within is not None or goals.return_within is not None):
        raise Failed(
            "the router's policy has `identify: false`, so responses do not name their variant, "
            "and `leave_within` and `return_within` cannot be measured: remove them from the "
            "plan, or set `identify: true` in the policy"
        )
    _refuse_company(client)
    policy = status["policy"]
    return Surveyed(
        client.url, policy["digest"], policy["source"], status["status"], places, targets
    )


def _refuse_company(client: AdminClient) -> None:
    """Refuse a run during another drill, which would distort the baseline."""
    drills: Drills = client.get("drills")
    for active in drills["active"]:
        drill = drill_from(active)
        raise Failed(
            f"a drill is running already: {drill.id}, {drill.target} {drill.fault.text} until "
            f"{active['ends_at']}; wait, or `router drill stop {drill.id}`"
        )
