"""The section `rate_limits`, and the keys' own rates."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.language.model.part import Part
from policies.language.values.limits import MAX_REQUESTS, By, Limit, Period


class Quota(Part):
    """A rate; for one key, instead of the limit's rate."""

    limit: Limit = Field(description="The number of requests: `100/1m`, or a number with `per`.")
    per: Period | None = Field(None, description="The period; at least a second.")
    burst: int | None = Field(
        None,
        ge=1,
        le=MAX_REQUESTS,
        description="The number of requests that may come at once; default: `limit`.",
    )

    @property
    def rate(self) -> tuple[int, int, int]:
        """Requests, milliseconds, burst."""
        count, per = self.limit
        return count, per or self.per or 0, self.burst or count


class RateLimit(Quota):
    """A rate limit."""

    by: By = Field(
        description="Which requests are counted together: those with the same `ip` (for IPv6 the "
        "/64 network), `api_key` (its id) or `header:<name>`, or `route`: all of the route."
    )
    mode: Literal["leased", "exact"] = Field(
        "leased",
        description="`exact`: each request asks the limiter. `leased`: every isolate asks the "
        "limiter for several requests at once.",
    )
    on_error: Literal["allow", "deny"] = Field(
        "allow", description="What happens to requests while the limiter does not answer."
    )
