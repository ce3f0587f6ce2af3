"""The section `failover` of routes: when and where a request is retried."""

from __future__ import annotations

from pydantic import Field

from policies.language.model.part import Part
from policies.language.values.failover import Condition, Hedge, RetryBudget
from policies.language.values.values import Duration, Size, problem

MAX_ATTEMPTS = 10  # Cloudflare allows 32 invocations of Workers per request
DEFAULT_ATTEMPTS = 2
DEFAULT_BACKOFF_MS = 25  # Envoy's
DEFAULT_BUFFER = 64 * 1024
DEFAULT_BUDGET = 0.2  # Envoy's and the Gateway API's
DEFAULT_CONDITIONS: tuple[str | int, ...] = ("connect", "timeout", 502, 503, 504)


class Failover(Part):
    """When and where a request is retried, so that the client does not notice a failure."""

    attempts: int = Field(
        DEFAULT_ATTEMPTS,
        ge=0,
        le=MAX_ATTEMPTS,
        description="The number of retries after the first attempt, each at the next variant.",
    )
    on: list[Condition] = Field(
        default_factory=lambda: list(DEFAULT_CONDITIONS),
        description="What is retried: `connect`: no response; `timeout`: none in time; or status "
        "codes.",
    )
    non_idempotent: bool = Field(
        False,
        description="`true`: also retry POST and PATCH without an `Idempotency-Key`; a variant "
        "may then get them twice.",
    )
    same_variant: bool = Field(
        False, description="`true`: when every variant has been tried, start again with the first."
    )
    backoff: Duration = Field(
        DEFAULT_BACKOFF_MS,
        description="The wait before the first retry; it doubles, with jitter, up to ten times.",
        examples=["25ms"],
    )
    buffer: Size = Field(
        DEFAULT_BUFFER,
        description="A longer body is not kept: such a request is retried only if it reached no "
        "variant.",
        examples=["64KiB"],
    )
    budget: RetryBudget = Field(
        DEFAULT_BUDGET,
        description="Retries, as a percentage of the route's requests in the last 10 s; ten are "
        "always allowed. `none`: no limit but `attempts` for each request.",
        examples=["20%"],
    )
    hedge: Hedge | None = Field(
        None,
        description="A GET, HEAD or OPTIONS without a response after this time is also sent to "
        "the next variant, and the first good response wins; `p95`: the route's 95th percentile "
        "of response times. Default: no hedging.",
    )

    def check(self) -> None:
        if self.hedge is not None and not self.attempts:
            message = "a hedge is a second attempt, but only one is allowed"
            raise problem("unused-field", message, "leave out `hedge`, or raise `attempts`")
        if self.on == [] and self.attempts:
            message = "nothing is retried, so `attempts` has no effect"
            raise problem(
                "unused-field", message, "add conditions to `on`, or write only `attempts: 0`"
            )
