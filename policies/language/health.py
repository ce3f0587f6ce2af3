"""The section `health`: how the router finds out which variants can serve."""

from __future__ import annotations

from pydantic import Field

from policies.language.failover_values import Percentage
from policies.language.health_values import ProbePath, StatusRanges
from policies.language.part import Part
from policies.language.values import Duration, problem

# Chosen for two to six variants: Envoy's own (10 % ejected at most, success rates compared
# over five hosts) would eject nothing there.
MIN_INTERVAL_MS = 1_000  # each probe is a request to the variant and a turn of the object
MAX_BODY_CHARS = 1_024


class Active(Part):
    """Probes: the `Coordinator` asks each variant in turn, through its service binding."""

    path: ProbePath = Field(description="What to ask for, such as `/health`.")
    interval: Duration = Field(
        10_000, description="Time between two probes of a variant.", examples=["10s"]
    )
    timeout: Duration = Field(
        2_000, description="How long an answer may take to begin.", examples=["2s"]
    )
    unhealthy_after: int = Field(
        3, ge=1, le=100, description="So many failures in a row make a variant unhealthy."
    )
    healthy_after: int = Field(
        2, ge=1, le=100, description="So many good answers in a row make it healthy again."
    )
    expect: StatusRanges = Field(
        ((200, 399),),
        description="Status codes of good answers: `200`, `200-399`, or a list of these.",
        examples=["200-399"],
    )
    expect_body: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_BODY_CHARS,
        description="What the first 64 KiB of a good answer contain.",
    )

    def check(self) -> None:
        if self.interval < MIN_INTERVAL_MS:
            message = "probes come at most once a second"
            raise problem("out-of-range", message, "write a longer `interval`, such as `10s`")
        if not 1 <= self.timeout <= self.interval:
            message = "a probe must be over before the next one begins"
            raise problem("timeout-order", message, "make `timeout` shorter than `interval`")


class Passive(Part):
    """What requests themselves tell: each isolate counts for itself."""

    consecutive_failures: int = Field(
        5, ge=0, le=1_000, description="So many failures in a row eject a variant; 0: they do not."
    )
    failure_rate: Percentage = Field(
        0.5,
        description="So large a share of failures ejects it, too; `0%`: it does not.",
        examples=["50%"],
    )
    min_requests: int = Field(
        20, ge=1, le=100_000, description="Of fewer attempts no share is taken."
    )
    window: Duration = Field(30_000, description="The time whose attempts count.", examples=["30s"])
    eject_for: Duration = Field(
        30_000,
        description="How long the first ejection lasts; the second in a row lasts twice as "
        "long, and so on.",
        examples=["30s"],
    )
    max_eject_for: Duration = Field(
        300_000, description="No ejection lasts longer.", examples=["5m"]
    )
    slow_start: Duration = Field(
        20_000,
        description="In this time its share comes back, from a tenth to the whole; `0s`: at once.",
        examples=["20s"],
    )

    def check(self) -> None:
        for name, least in (("window", 1_000), ("eject_for", 100)):
            if getattr(self, name) < least:
                message = f"`{name}` is at least {least} ms"
                raise problem("out-of-range", message, "write a longer time")
        if self.max_eject_for < self.eject_for:
            message = "the longest ejection is shorter than the first"
            hint = "make `max_eject_for` at least as long as `eject_for`"
            raise problem("time-order", message, hint)


class Health(Part):
    """How the router finds out which variants can serve."""

    active: Active | None = Field(
        None, description="Probes, if there is a `path` to ask for; by default there are none."
    )
    passive: Passive = Field(default_factory=Passive, description="What requests themselves tell.")
    panic_threshold: Percentage = Field(
        0.0,
        description="When no more than this share of a pool's variants is well, all of them "
        "are used. `0%`: when nobody is well.",
        examples=["0%"],
    )
