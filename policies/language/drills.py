"""The section `drills`: failures by schedule, which end by themselves."""

from __future__ import annotations

from pydantic import Field

from policies.language.drill_values import DrillTime, Mode, Schedule
from policies.language.part import Part, one_of
from policies.language.values import Name

MAX_DRILLS = 100  # the Coordinator looks at each of them, again and again


class Drill(Part):
    """A failure that is planned: it begins by schedule and ends by itself."""

    name: Name = Field(description="Unique; told in the audit log.")
    region: Name | None = Field(None, description="Hits the variants of this region.")
    variant: Name | None = Field(None, description="Hits this variant.")
    pool: Name | None = Field(None, description="Hits the variants of this pool.")
    mode: Mode = Field(
        description="`down`: nobody answers; `errors:30%`: that share of requests is answered "
        "503; `latency:2s`: each waits so long first, 5 minutes at most."
    )
    duration: DrillTime = Field(alias="for", description="How long it lasts: `1s` to `24h`.")
    schedule: Schedule = Field(
        description="When it begins, as five cron fields in UTC: `0 10 * * 1` is each Monday "
        "at 10:00."
    )

    def check(self) -> None:
        one_of(self, ("region", "variant", "pool"))
