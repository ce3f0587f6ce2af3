"""The language of a drill's plan, version 1, as pydantic models.

A plan says what fails, how long the three phases last, which traffic is sent, and what clients
may notice. Values are written as in `routes.yaml`.
"""

from __future__ import annotations

from pydantic import Field

from policies.drill_plan.values import (
    HeaderText,
    RequestRate,
    RequestTarget,
    refuse_header,
)
from policies.language.model.part import Part, at_least_one, one_of
from policies.language.model.policy import Continent
from policies.language.values.drills import Mode
from policies.language.values.failover import Growth, Percentage
from policies.language.values.values import (
    Colo,
    Country,
    Duration,
    LanguageVersion,
    Method,
    Name,
    PlainHostname,
    Token,
    Weight,
    problem,
)
from policies.resilience.drill import KINDS, Target

MIN_PHASE_MS = 1_000
MAX_PHASE_MS = 3_600_000
DEFAULT_TIMEOUT_MS = 10_000  # about as long as users wait
DEFAULT_IN_FLIGHT = 400  # the suggested rate times the default timeout
MAX_IN_FLIGHT = 1_000  # a process may often have no more than 1,024 files open


class Drill(Part):
    """What fails, and how. Exactly one of `region`, `variant` and `pool` is required."""

    region: Name | None = Field(None, description="All variants of a region.")
    variant: Name | None = Field(None, description="One variant.")
    pool: Name | None = Field(None, description="All variants of a pool.")
    mode: Mode = Field(description="`down`, `errors:30%` or `latency:2s`.")
    force: bool = Field(
        False, description="`true`: start even if no variant would be left for a route."
    )

    def check(self) -> None:
        one_of(self, KINDS)

    @property
    def target(self) -> Target:
        kind = next(kind for kind in KINDS if getattr(self, kind))
        return Target(kind, getattr(self, kind))


class Phases(Part):
    """The durations of the phases."""

    baseline: Duration = Field(15_000, description="The time before the drill.", examples=["15s"])
    failure: Duration = Field(30_000, description="The duration of the drill.", examples=["30s"])
    recovery: Duration = Field(90_000, description="After it.", examples=["90s"])

    def check(self) -> None:
        for name in type(self).model_fields:
            if not MIN_PHASE_MS <= getattr(self, name) <= MAX_PHASE_MS:
                hint = "write a duration from `1s` to `1h`"
                raise problem("out-of-range", f"the phase `{name}` is too short or too long", hint)


class Place(Part):
    """The place of a client; only a local router uses it, others see the real place."""

    country: Country | None = Field(None, description="Country code (ISO 3166-1 alpha-2).")
    continent: Continent | None = Field(None, description="Continent: AF AN AS EU NA OC SA.")
    colo: Colo | None = Field(None, description="Cloudflare location, such as FRA.")

    def check(self) -> None:
        at_least_one(self)


class Request(Part):
    """A kind of request."""

    name: Name = Field(description="Unique; used in the report.")
    method: Method = Field("GET", description="Its method.")
    path: RequestTarget = Field(description="The path, which may have a query; sent as written.")
    host: PlainHostname | None = Field(
        None, description="The `Host`; default: that of the router's URL."
    )
    headers: dict[Token, HeaderText] = Field(
        default_factory=dict,
        description="The headers. `{n}` in a value is the number of the request, so that each "
        "request comes from another user; `{n%60}` is its remainder, for 60 different users; "
        "`{env:NAME}` is a variable of the environment.",
    )
    body: str = Field("", description="The body; `{n}` and `{n%60}` as in headers.")
    place: Place | None = Field(None, alias="from", description="The place of its clients.")
    weight: Weight = Field(1, description="How often it is sent, relative to the other requests.")

    def check(self) -> None:
        for name in self.headers:
            refuse_header(name)


class Traffic(Part):
    """The traffic, which is sent at a steady rate, however long responses take."""

    rate: RequestRate = Field(
        description="The rate of requests: `40/1s`; at most 1,000 per second."
    )
    timeout: Duration = Field(
        DEFAULT_TIMEOUT_MS,
        description="How long a client waits for a complete response.",
        examples=["10s"],
    )
    in_flight: int = Field(
        DEFAULT_IN_FLIGHT,
        ge=1,
        le=MAX_IN_FLIGHT,
        description="The maximum number of concurrent requests; requests beyond it are not sent, "
        "and counted in the report.",
    )
    requests: list[Request] = Field(
        min_length=1, max_length=100, description="The kinds of requests."
    )

    def check(self) -> None:
        if not 100 <= self.timeout <= 120_000:
            raise problem("out-of-range", "the timeout is out of range", "write `100ms` to `2m`")
        if not any(request.weight for request in self.requests):
            hint = "give at least one request a weight above 0"
            raise problem("split-without-weight", "all weights are 0, so nothing is sent", hint)


class Objectives(Part):
    """The objectives; at least one is required."""

    error_rate: Percentage | None = Field(
        None,
        description="The maximum share of requests with a status of 500 or more, or without a "
        "response.",
    )
    leave_within: Duration | None = Field(
        None,
        description="The maximum time from the drill's start until the target gives less than 1 "
        "% of the responses.",
    )
    return_within: Duration | None = Field(
        None,
        description="The maximum time from the drill's end until the target has 80 % of its "
        "share again.",
    )
    p95: Duration | None = Field(
        None,
        description="The maximum 95th percentile of the time to a complete response, during the "
        "drill.",
    )
    extra_latency: Growth | None = Field(
        None, description="The maximum increase of this percentile over the baseline: `50%`."
    )

    def check(self) -> None:
        at_least_one(self)


class Plan(Part):
    """A drill plan."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    drill: Drill = Field(description="What fails, and how.")
    phases: Phases = Field(default_factory=Phases, description="The durations of the phases.")
    traffic: Traffic = Field(description="The traffic.")
    objectives: Objectives = Field(description="The objectives: what clients may notice.")
