"""The section `health`: how the router detects unhealthy variants."""

from __future__ import annotations

from pydantic import Field

from policies.language.model.part import Part
from policies.language.values.failover import Percentage
from policies.language.values.health import ProbePath, StatusRanges
from policies.language.values.values import Duration, problem

# Chosen for two to six variants: Envoy's own (10 % ejected at most, success rates compared
# over five hosts) would eject nothing there.
MIN_INTERVAL_MS = 1_000  # each probe is a request to the variant, made by one object
MAX_BODY_CHARS = 1_024


class Active(Part):
    """Active health checks: the `Coordinator` probes each variant through its service binding."""

    path: ProbePath = Field(description="The path of the probe, such as `/health`.")
    interval: Duration = Field(
        10_000, description="The time between two probes of a variant.", examples=["10s"]
    )
    timeout: Duration = Field(
        2_000, description="How long a response may take to start.", examples=["2s"]
    )
    unhealthy_after: int = Field(
        3,
        ge=1,
        le=100,
        description="The number of consecutive failures that make a variant unhealthy.",
    )
    healthy_after: int = Field(
        2,
        ge=1,
        le=100,
        description="The number of consecutive successes that make it healthy again.",
    )
    expect: StatusRanges = Field(
        ((200, 399),),
        description="Status codes of success: `200`, `200-399`, or a list of these.",
        examples=["200-399"],
    )
    expect_body: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_BODY_CHARS,
        description="Text that the first 64 KiB of a successful response contain.",
    )

    def check(self) -> None:
        if self.interval < MIN_INTERVAL_MS:
            message = "a variant is probed at most once a second"
            raise problem("out-of-range", message, "write a longer `interval`, such as `10s`")
        if not 1 <= self.timeout <= self.interval:
            message = "a probe must end before the next one starts"
            raise problem("timeout-order", message, "make `timeout` at most `interval`")


class Passive(Part):
    """Outlier detection: each isolate counts the failures of requests."""

    consecutive_failures: int = Field(
        5,
        ge=0,
        le=1_000,
        description="The number of consecutive failures that eject a variant; 0: off.",
    )
    failure_rate: Percentage = Field(
        0.5,
        description="The failure rate that ejects a variant; `0%`: off.",
        examples=["50%"],
    )
    min_requests: int = Field(
        20, ge=1, le=100_000, description="The failure rate needs at least this number of attempts."
    )
    window: Duration = Field(
        30_000, description="The window over which attempts are counted.", examples=["30s"]
    )
    eject_for: Duration = Field(
        30_000,
        description="How long the first ejection lasts; the second in a row lasts twice as long, "
        "the third three times.",
        examples=["30s"],
    )
    max_eject_for: Duration = Field(300_000, description="The longest ejection.", examples=["5m"])
    slow_start: Duration = Field(
        20_000,
        description="The time in which its share grows back, from a tenth to the whole; `0s`: at "
        "once.",
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
    """How the router detects unhealthy variants."""

    active: Active | None = Field(
        None, description="Active health checks; by default there are none."
    )
    passive: Passive = Field(default_factory=Passive, description="Outlier detection.")
    panic_threshold: Percentage = Field(
        0.0,
        description="When at most this share of a pool's variants is healthy, all of them are "
        "used. `0%`: only when none is healthy.",
        examples=["0%"],
    )
