"""The section `rate_limits`, and what keys may have of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.language.limit_values import MAX_REQUESTS, By, Limit, Period
from policies.language.part import Part


class Quota(Part):
    """How many requests may pass; for one key, instead of what the limit says."""

    limit: Limit = Field(description="How many requests: `100/1m`, or a number with `per`.")
    per: Period | None = Field(None, description="In which time; a second at least.")
    burst: int | None = Field(
        None,
        ge=1,
        le=MAX_REQUESTS,
        description="How many may come at once, after a pause; as many as `limit` unless given.",
    )

    @property
    def rate(self) -> tuple[int, int, int]:
        """Requests, milliseconds, burst."""
        count, per = self.limit
        return count, per or self.per or 0, self.burst or count


class RateLimit(Quota):
    """How many requests of one client may pass."""

    by: By = Field(
        description="Whose requests count together: `ip` (of IPv6 the /64 network), `api_key` "
        "(its id), `header:<name>`, or `route`: all of the route."
    )
    mode: Literal["leased", "exact"] = Field(
        "leased",
        description="`exact`: the limiter is asked about each request. `leased`: every instance "
        "of the router asks for several at once.",
    )
    on_error: Literal["allow", "deny"] = Field(
        "allow", description="What becomes of requests while the limiter cannot be asked."
    )
