"""`/.router/drills`, and what the audit log has of them."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from policies.api.values import By, Length, Mode, Time, about


class Targeted(TypedDict):
    """Exactly one of them is there."""

    region: NotRequired[Annotated[str, about("All variants of it")]]
    variant: NotRequired[Annotated[str, about("This one")]]
    pool: NotRequired[Annotated[str, about("All variants of it")]]


DrillRequest = TypedDict(
    "DrillRequest",
    {
        "region": NotRequired[Annotated[str, about("All variants of it")]],
        "variant": NotRequired[Annotated[str, about("This one")]],
        "pool": NotRequired[Annotated[str, about("All variants of it")]],
        "mode": Mode,
        "for": Annotated[Length, about("How long")],
        "force": NotRequired[Annotated[bool, about("Also if a route would have nothing left")]],
    },
)
DrillRequest.__doc__ = "A drill to start: exactly one of `region`, `variant` and `pool`."


class Drill(Targeted):
    id: Annotated[str, about("Short, such as `d-43dd`")]
    mode: Mode
    started_at: Time
    ends_at: Annotated[Time, about("When it ends by itself")]
    by: Annotated[str, about("Who started it: the id of an API key, `secret`, or `schedule`")]
    forced: bool
    name: Annotated[str | None, about("That of the policy's drill, if it is one")]


Why = Literal["time", "stopped", "nothing left", "policy"]


class EndedDrill(Drill):
    ended_at: Time
    why: Annotated[
        Why,
        about("Its time was over; somebody stopped it; others failed; the policy lost its target"),
    ]
    ended_by: Annotated[str | None, about("Who stopped it")]


ScheduledDrill = TypedDict(
    "ScheduledDrill",
    {
        "name": str,
        "region": NotRequired[str],
        "variant": NotRequired[str],
        "pool": NotRequired[str],
        "mode": Mode,
        "for": Annotated[Length, about("How long")],
        "schedule": Annotated[str, about("Five cron fields, in UTC")],
        "next_at": Annotated[Time | None, about("When it runs next")],
    },
)
ScheduledDrill.__doc__ = "A drill of the policy."


class Drills(TypedDict):
    active: list[Drill]
    scheduled: list[ScheduledDrill]
    past: Annotated[list[EndedDrill], about("The last hundred, the newest first")]


class StoppedDrills(TypedDict):
    ended: list[EndedDrill]


class Gap(TypedDict):
    """A route that would have nothing left."""

    route: str
    pool: str
    regions: Annotated[list[str | None], about("Of which clients; null: of no region")]


class DrillRefusal(TypedDict):
    reason: str
    gaps: list[Gap]
    more: Annotated[int, about("How many gaps are not told", ge=0)]


EventName = Literal["drill-started", "drill-refused", "drill-ended"]


class DrillEvent(TypedDict):
    """Something that happened to a drill."""

    at: Time
    event: EventName
    by: By | None
    drill: Drill
    why: NotRequired[Annotated[str, about("Why it ended, or was refused")]]
