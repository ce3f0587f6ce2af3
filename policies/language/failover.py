"""The section `failover` of routes: when and where a request is tried again."""

from __future__ import annotations

from pydantic import Field

from policies.language.failover_values import Condition, Hedge, RetryBudget
from policies.language.part import Part
from policies.language.values import Duration, Size, problem

MAX_ATTEMPTS = 10  # Cloudflare allows a request 32 invocations of Workers in all
DEFAULT_ATTEMPTS = 2
DEFAULT_BACKOFF_MS = 25  # Envoy's
DEFAULT_BUFFER = 64 * 1024
DEFAULT_BUDGET = 0.2  # Envoy's and the Gateway API's
DEFAULT_CONDITIONS: tuple[str | int, ...] = ("connect", "timeout", 502, 503, 504)


class Failover(Part):
    """When and where a request is tried again, so that the client does not notice."""

    attempts: int = Field(
        DEFAULT_ATTEMPTS,
        ge=0,
        le=MAX_ATTEMPTS,
        description="How many attempts may follow the first, each at the next variant.",
    )
    on: list[Condition] = Field(
        default_factory=lambda: list(DEFAULT_CONDITIONS),
        description="`connect`: no answer; `timeout`: none in time; or status codes.",
    )
    non_idempotent: bool = Field(
        False,
        description="`true`: also POST and PATCH without an `Idempotency-Key`, which a variant "
        "may then get twice.",
    )
    same_variant: bool = Field(
        False, description="`true`: when every variant has been tried, begin again."
    )
    backoff: Duration = Field(
        DEFAULT_BACKOFF_MS,
        description="The wait before the second attempt; it doubles, with jitter, up to ten times.",
        examples=["25ms"],
    )
    buffer: Size = Field(
        DEFAULT_BUFFER,
        description="A longer body is not kept for another attempt.",
        examples=["64KiB"],
    )
    budget: RetryBudget = Field(
        DEFAULT_BUDGET,
        description="Attempts beyond the first, as a part of the route's requests of the last "
        "10 s; ten are always allowed. `none`: as many as `attempts` says for every request.",
        examples=["20%"],
    )
    hedge: Hedge | None = Field(
        None,
        description="A GET, HEAD or OPTIONS whose answer has not begun after this time is also "
        "sent to the next variant, and the first good answer wins; `p95`: the time that 95 of "
        "100 answers of the route take. Default: never.",
    )

    def check(self) -> None:
        if self.hedge is not None and not self.attempts:
            message = "a hedge is a second attempt, and there is only one"
            raise problem("unused-field", message, "leave out `hedge`, or allow `attempts`")
        if self.on == [] and self.attempts:
            message = "nothing is a reason to try again, so there is only one attempt"
            raise problem("unused-field", message, "add reasons, or write `attempts: 0` alone")
