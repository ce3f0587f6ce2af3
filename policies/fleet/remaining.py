"""Who is left to serve each route while some variants are not in service.

Looked at is every pool that a route splits to, with its fallbacks, for clients of every
region, and for those of none if there can be any. Drained variants serve nobody new, so
they are never counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy

if TYPE_CHECKING:
    from policies.api import drills as api

Chain = tuple[str, ...]
IsOut = Callable[[Variant], bool]


class Gap(NamedTuple):
    """A route has nobody for requests that go to `pool`, of clients of these regions;
    `everywhere`: these are all there are."""

    route: str
    pool: str
    regions: tuple[str | None, ...]
    everywhere: bool

    def to_dict(self) -> api.Gap:
        """As JSON; a region that is null: clients of no region."""
        return {"route": self.route, "pool": self.pool, "regions": list(self.regions)}

    def __str__(self) -> str:
        whose = ", ".join(region or "no region" for region in self.regions)
        return f"route {self.route} (pool {self.pool}" + (
            ")" if self.everywhere else f", clients of {whose})"
        )


class Group(NamedTuple):
    """Those who can serve a chain of pools for clients of `region`, without the drained."""

    chain: Chain
    region: str | None
    variants: tuple[Variant, ...]


def groups_of(policy: CompiledPolicy) -> Iterator[Group]:
    """Every group that some request may need."""
    regions = _regions(policy)
    for chain in dict.fromkeys(share.chain for route in policy.routes for share in route.shares):
        for region in regions:
            tiers = policy.order(chain, region).tiers
            yield Group(chain, region, tuple(v for tier in tiers for v in tier if not v.drain))


def gaps(policy: CompiledPolicy, is_out: IsOut, would_be_out: IsOut) -> list[Gap]:
    """Where there is somebody now, and nobody if also those others were out."""
    emptied: dict[Chain, list[str | None]] = {}
    number = len(_regions(policy))
    for group in groups_of(policy):
        serving = [variant for variant in group.variants if not is_out(variant)]
        if serving and all(would_be_out(variant) for variant in serving):
            emptied.setdefault(group.chain, []).append(group.region)
    return [
        Gap(route.name, share.name, tuple(regions), len(regions) == number)
        for route in policy.routes
        for share in route.shares
        if (regions := emptied.get(share.chain))
    ]


def _regions(policy: CompiledPolicy) -> list[str | None]:
    """Where clients may be; None: in no region."""
    regions: list[str | None] = [*policy.regions.orders]
    return regions if policy.regions.default else [*regions, None]
