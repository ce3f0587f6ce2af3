"""Rate limits for one request: the key that each limit counts by, and the headers and problems.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10: structured fields, with one item
for each limit of the route. `q` and `w` are the policy's numbers, `r` is how many requests would
pass at once, `t` the seconds until a whole burst could.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from math import ceil
from typing import Annotated, Literal, NamedTuple

from policies.access.authenticate import Identity
from policies.access.gcra import Rate
from policies.access.lease import LeaseTerms, Mode
from policies.access.sticky import network_of
from policies.compiled.form.codec import Shared
from policies.http.problems import Problem
from policies.http.request import Request

LONGEST_KEY = 64  # characters; longer keys are hashed

OnError = Literal["allow", "deny"]
By = Literal["ip", "api_key", "route", "header"]


class LimitSpec(NamedTuple):
    """A limit of the policy. `by`: which requests count together; `header`: its lower-case name, ""
    unless the limit is by header; `keys`: other rates, by the id of the API key."""

    name: str
    rate: Rate
    by: By
    header: str
    mode: Mode
    on_error: OnError
    keys: dict[str, Rate] = {}  # noqa: RUF012 - nobody changes it


class Limit:
    """A limit at one rate. `keys`: the same limit at the rates of API keys that have their own."""

    __slots__ = (
        *("by", "header", "id", "keys", "mode", "name", "on_error", "policy_item", "spec", "terms"),
    )
    spec: LimitSpec

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self.name, self.by, self.header = spec.name, spec.by, spec.header
        self.mode, self.on_error = spec.mode, spec.on_error
        rate = spec.rate
        self.terms = LeaseTerms(rate, self.mode)
        # The id has everything that changes the meaning, so old state is not found under it.
        self.id = f"{self.name}/{self.by}/{self.header}/{self.mode}/{rate}"
        self.policy_item = f'"{self.name}";q={rate.requests};w={ceil(rate.per_ms / 1000)}'
        self.keys = {
            key: Limit(spec._replace(rate=key_rate, keys={})) for key, key_rate in spec.keys.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limit) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def rate(self) -> Rate:
        return self.terms.rate

    def of(self, identity: Identity | None) -> Limit:
        """Return the limit at the rate of this client."""
        return self.keys.get(identity.key.id, self) if identity and self.keys else self

    def key(self, request: Request, route: str, identity: Identity | None) -> str:
        """Return the key that the request counts under; "" for all without the header or
        address."""
        if self.by == "ip":
            key = network_of(request.client.ip)
        elif self.by == "header":
            key = request.headers.get(self.header, "")
        elif self.by == "api_key":
            key = identity.key.id if identity else ""
        else:
            key = route
        return key if len(key) <= LONGEST_KEY else _hashed(key)

    def describe(self, key: str) -> dict[str, object]:
        """Return JSON for explanations."""
        by = f"header:{self.header}" if self.by == "header" else self.by
        rate = {"limit": self.rate.requests, "per_ms": self.rate.per_ms, "burst": self.rate.burst}
        how = {"mode": self.mode, "on_error": self.on_error}
        return {"name": self.name, "by": by, "key": key, **rate, **how}

    def object_name(self, key: str) -> str:
        """Return the name of the limiter that decides for `key`; the same at every rate."""
        return f"{self.name}\n{self.by}:{self.header}\n{_hashed(key)}"


def _hashed(key: str) -> str:
    return "#" + blake2b(key.encode(errors="surrogateescape"), digest_size=16).hexdigest()


class RouteLimits(NamedTuple):
    """The limits of a route, in the order of their charges: before and after authentication."""

    before: tuple[Annotated[Limit, Shared("limits")], ...]
    after: tuple[Annotated[Limit, Shared("limits")], ...]


def route_limits(named: Iterable[Limit]) -> RouteLimits:
    """Return the limits of a route in their order."""
    named = tuple(named)
    before = tuple(limit for limit in named if limit.by != "api_key")
    return RouteLimits(before, tuple(limit for limit in named if limit.by == "api_key"))


class LimitStatus(NamedTuple):
    """The state of a limit after a charge. `remaining` is None if the limiter did not say."""

    limit: Limit
    remaining: int | None
    full_ms: float


def limit_headers(statuses: Iterable[LimitStatus]) -> dict[str, str]:
    """Return the headers that describe limits; empty without limits."""
    found = list(statuses)
    if not found:
        return {}
    headers = {"ratelimit-policy": ", ".join(status.limit.policy_item for status in found)}
    known = [
        f'"{limit.name}";r={remaining};t={ceil(full_ms / 1000)}'
        for limit, remaining, full_ms in found
        if remaining is not None
    ]
    return headers | {"ratelimit": ", ".join(known)} if known else headers


def rate_limited(limit: Limit, retry_ms: float) -> Problem:
    """Return the problem for a request that a limit denies."""
    count, per_ms, _ = limit.rate
    seconds = max(1, ceil(retry_ms / 1000))
    requests = f"{count} request{'s' if count > 1 else ''} in {per_ms / 1000:g} s"
    detail = f"The limit `{limit.name}` allows {requests}; try again in {seconds} s."
    return Problem("rate-limited", detail, (("retry-after", str(seconds)),))


def limiter_unavailable(limit: Limit, retry_ms: float) -> Problem:
    """Return the problem for a request that may not pass uncounted."""
    seconds = max(1, ceil(retry_ms / 1000))
    detail = f"The limit `{limit.name}` cannot be checked; try again in {seconds} s."
    return Problem("limiter-unavailable", detail, (("retry-after", str(seconds)),))
