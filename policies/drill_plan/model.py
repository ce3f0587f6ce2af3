"""The language of a drill's plan, version 1, as pydantic models.

What is to fail, how long the three phases last, the traffic meanwhile, and what clients
may notice. Values are written as in `routes.yaml`.
"""

from __future__ import annotations

from pydantic import Field

from policies.decisions.drill import KINDS, Target
from policies.drill_plan.values import (
    HeaderText,
    RequestRate,
    RequestTarget,
    refuse_header,
)
from policies.language.drill_values import Mode
from policies.language.failover_values import Growth, Percentage
from policies.language.model import Continent
from policies.language.part import Part, at_least_one, one_of
from policies.language.values import (
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

MIN_PHASE_MS = 1_000
MAX_PHASE_MS = 3_600_000
DEFAULT_TIMEOUT_MS = 10_000  # about as long as people wait
DEFAULT_IN_FLIGHT = 400  # the suggested rate, all of it waiting for the default timeout
MAX_IN_FLIGHT = 1_000  # a process may often have no more than 1,024 files open


class Drill(Part):
    """What fails, and how: exactly one of `region`, `variant`, `pool`."""

    region: Name | None = Field(None, description="All variants of a region.")
    variant: Name | None = Field(None, description="One variant.")
    pool: Name | None = Field(None, description="All variants of a pool.")
    mode: Mode = Field(description="`down`, `errors:30%` or `latency:2s`.")
    force: bool = Field(
        False, description="`true`: also if a route would have nothing left to serve it."
    )

    def check(self) -> None:
        one_of(self, KINDS)

    @property
    def target(self) -> Target:
        kind = next(kind for kind in KINDS if getattr(self, kind))
        return Target(kind, getattr(self, kind))


class Phases(Part):
    """How long each phase lasts."""

    baseline: Duration = Field(15_000, description="Before the drill.", examples=["15s"])
    failure: Duration = Field(30_000, description="The drill itself.", examples=["30s"])
    recovery: Duration = Field(90_000, description="After it.", examples=["90s"])

    def check(self) -> None:
        for name in type(self).model_fields:
            if not MIN_PHASE_MS <= getattr(self, name) <= MAX_PHASE_MS:
                hint = "write a duration from `1s` to `1h`"
                raise problem("out-of-range", f"the phase `{name}` is too short or too long", hint)


class Place(Part):
    """Where a client is: for a router that runs locally, else the client's real place counts."""

    country: Country | None = Field(None, description="Country code (ISO 3166-1 alpha-2).")
    continent: Continent | None = Field(None, description="Continent: AF AN AS EU NA OC SA.")
    colo: Colo | None = Field(None, description="Cloudflare location, such as FRA.")

    def check(self) -> None:
        at_least_one(self)


class Request(Part):
    """A kind of request that clients send."""

    name: Name = Field(description="Unique; told in the report.")
    method: Method = Field("GET", description="Its method.")
    path: RequestTarget = Field(description="Its path, perhaps with a query; sent as it stands.")
    host: PlainHostname | None = Field(
        None, description="Its `Host`; by default that of the router's URL."
    )
    headers: dict[Token, HeaderText] = Field(
        default_factory=dict,
        description="Its headers. `{n}` in a value is the request's number, so that every "
        "request comes from another user; `{n%60}` is its remainder, so that 60 users take "
        "turns; `{env:NAME}` is taken from the environment.",
    )
    body: str = Field("", description="Its body; `{n}` and `{n%60}` as in headers.")
    place: Place | None = Field(None, alias="from", description="Where its clients are.")
    weight: Weight = Field(1, description="How often it is sent, compared with the others.")

    def check(self) -> None:
        for name in self.headers:
            refuse_header(name)


class Traffic(Part):
    """What clients send, all the time, however long answers take."""

    rate: RequestRate = Field(description="Requests started: `40/1s`; at most 1,000 a second.")
    timeout: Duration = Field(
        DEFAULT_TIMEOUT_MS,
        description="How long a client waits for a whole answer.",
        examples=["10s"],
    )
    in_flight: int = Field(
        DEFAULT_IN_FLIGHT,
        ge=1,
        le=MAX_IN_FLIGHT,
        description="How many may wait for an answer at once; what is due beyond that is "
        "not sent, and told.",
    )
    requests: list[Request] = Field(min_length=1, max_length=100, description="What is sent.")

    def check(self) -> None:
        if not 100 <= self.timeout <= 120_000:
            raise problem("out-of-range", "the timeout is out of range", "write `100ms` to `2m`")
        if not any(request.weight for request in self.requests):
            hint = "give at least one request a weight above 0"
            raise problem("split-without-weight", "all weights are 0: nothing is sent", hint)


class Objectives(Part):
    """What clients may notice; at least one."""

    error_rate: Percentage | None = Field(
        None, description="The share of requests with an answer of 500 or more, or with none."
    )
    leave_within: Duration | None = Field(
        None, description="From the drill's start until the target gets under 1 % of the answers."
    )
    return_within: Duration | None = Field(
        None, description="From the drill's end until the target has 80 % of its share again."
    )
    p95: Duration | None = Field(
        None, description="The 95th percentile of the time to a whole answer, in the drill."
    )
    extra_latency: Growth | None = Field(
        None, description="By how much that may be longer than before the drill: `50%`."
    )

    def check(self) -> None:
        at_least_one(self)


class Plan(Part):
    """A plan whole."""

    version: LanguageVersion = Field(description="The version of the language: 1.")
    drill: Drill = Field(description="What fails, and how.")
    phases: Phases = Field(default_factory=Phases, description="How long each phase lasts.")
    traffic: Traffic = Field(description="What clients send.")
    objectives: Objectives = Field(description="What clients may notice.")
