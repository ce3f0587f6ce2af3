"""The model that requests are decided on: routes, and the variants that they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from policies.access.authenticate import Needs
from policies.access.rate_limits import RouteLimits
from policies.access.sticky import Source
from policies.compiled.form.codec import Shared
from policies.http.answer import DirectResponse
from policies.http.cache import CacheRule
from policies.http.cors import Cors
from policies.http.filters import FilterChain
from policies.http.limits import Sizes
from policies.http.redirect import Redirect
from policies.resilience.failover import NEVER, RetryPolicy
from policies.routing.override import Override


@dataclass(frozen=True, slots=True)
class Variant:
    """A Worker that can answer, behind `binding`, or a server at `url` (either is ""). `override`:
    the value of Cloudflare's version override, None for none."""

    name: str
    binding: str
    pool: str
    region: str | None
    weight: float
    drain: bool
    override: str | None
    url: str = ""

    @property
    def upstream(self) -> str:
        """Where requests go: a binding, or the URL that paths are put behind."""
        return self.binding or self.url


@dataclass(frozen=True, slots=True)
class Share:
    """A pool's part in a split. `chain`: the pool, then its fallbacks; empty if the part has no
    backend."""

    name: str
    weight: float
    chain: Annotated[tuple[str, ...], Shared("chains")]


Shares = Annotated[tuple[Share, ...], Shared("shares")]
Filters = Annotated[FilterChain, Shared("filters")]


class Route(NamedTuple):
    """A route. Durations are in milliseconds, 0 for none.

    `shares`: the largest first. `dormant`: those of weight 0 that a rollout may raise. `needs`:
    what is required of the client's API key, None for nothing. `rate_limits`: None for none.
    `plans`: the filters of pools that have their own.
    """

    name: str
    sizes: Annotated[Sizes, Shared("sizes")]
    seed: str = ""
    shares: Shares = ()
    total: float = 0
    sticky: Annotated[tuple[Source, ...], Shared("sticky")] = ()
    failover: Annotated[RetryPolicy, Shared("failover")] = NEVER
    request_ms: int = 0
    backend_request_ms: int = 0
    needs: Annotated[Needs, Shared("needs")] | None = None
    rate_limits: Annotated[RouteLimits, Shared("route_limits")] | None = None
    plan: Filters | None = None
    cors: Annotated[Cors, Shared("cors")] | None = None
    cache: Annotated[CacheRule, Shared("cache")] | None = None
    plans: dict[str, Filters] | None = None
    dormant: Shares = ()
    override: Override | None = None
    respond: DirectResponse | None = None
    redirect: Redirect | None = None

    def plan_for(self, pool: str) -> FilterChain | None:
        """Return the filters for the variants of `pool`."""
        return self.plans.get(pool, self.plan) if self.plans else self.plan


Tier = tuple[Variant, ...]
Tiers = tuple[Tier, ...]


class VariantOrder(NamedTuple):
    """Variants in tiers of equal rank. `settled`: all of them in order, if the order is the same
    for every client, because no tier has several and none is drained; else None. `open_to`: the
    names of those that are not drained; `regions`: those of each tier."""

    tiers: Tiers
    settled: Tier | None
    open_to: frozenset[str]
    regions: tuple[str, ...]
