"""The variants that remain for each route while others are not in service.

Every pool of a route's split counts, with its fallbacks, for clients of every region, and for
clients of no region if there can be any. Drained variants take no new clients, so they never count.
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
    """A route without variants for requests to `pool` from clients of these regions. `everywhere`:
    these are all regions."""

    route: str
    pool: str
    regions: tuple[str | None, ...]
    everywhere: bool

    def to_dict(self) -> api.Gap:
        """Return JSON. A region that is null stands for clients of no region."""
        return {"route": self.route, "pool": self.pool, "regions": list(self.regions)}

    def __str__(self) -> str:
        whose = ", ".join(region or "no region" for region in self.regions)
        return f"route {self.route} (pool {self.pool}" + (
            ")" if self.everywhere else f", clients of {whose})"
        )


class Group(NamedTuple):
    """The variants for a chain of pools and clients of `region`, without the drained ones."""

    chain: Chain
    region: str | None
    variants: tuple[Variant, ...]


def groups_of(policy: CompiledPolicy) -> Iterator[Group]:
    """Return every group that some request may need."""
    regions = _regions(policy)
    for chain in dict.fromkeys(share.chain for route in policy.routes for share in route.shares):
        for region in regions:
            tiers = policy.order(chain, region).tiers
            yield Group(chain, region, tuple(v for tier in tiers for v in tier if not v.drain))


def gaps(policy: CompiledPolicy, is_out: IsOut, would_be_out: IsOut) -> list[Gap]:
    """Return the gaps that appear if the others are out, too, but were not there before."""
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
    """Return the regions that clients may be in; None: in no region."""
    regions: list[str | None] = [*policy.regions.orders]
    return regions if policy.regions.default else [*regions, None]
