"""The section `drills`: scheduled failures, which end by themselves."""

from __future__ import annotations

from pydantic import Field

from policies.language.model.part import Part, one_of
from policies.language.values.drills import DrillTime, Mode, Schedule
from policies.language.values.values import Name

MAX_DRILLS = 100  # the Coordinator checks each of them regularly


class Drill(Part):
    """A planned failure: it starts by schedule and ends by itself."""

    name: Name = Field(description="Unique; used in the audit log.")
    region: Name | None = Field(None, description="Affects all variants of this region.")
    variant: Name | None = Field(None, description="Affects this variant.")
    pool: Name | None = Field(None, description="Affects all variants of this pool.")
    mode: Mode = Field(
        description="`down`: no variant answers; `errors:30%`: this share of requests gets 503; "
        "`latency:2s`: each request is delayed by this time, 5 minutes at most."
    )
    duration: DrillTime = Field(alias="for", description="The duration: `1s` to `24h`.")
    schedule: Schedule = Field(
        description="When it starts, as five cron fields in UTC: `0 10 * * 1` is each Monday "
        "at 10:00."
    )

    def check(self) -> None:
        one_of(self, ("region", "variant", "pool"))
