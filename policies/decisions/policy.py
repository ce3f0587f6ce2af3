"""The compiled policy: what requests are decided on, built once from compiled tables.

Building parses, sorts and compiles nothing; `policies.language.compile` has done it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policies.decisions.match import Routes
from policies.decisions.regions import Regions
from policies.decisions.sticky import Source


@dataclass(frozen=True, slots=True)
class Variant:
    """A Worker that can answer; `override` is the value of Cloudflare's version override."""

    name: str
    binding: str
    pool: str
    region: str | None
    weight: float
    drain: bool
    override: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """A pool's part in a split; `chain`: the pool, then its fallbacks."""

    name: str
    weight: float
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A fixed answer: header names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class Route:
    """Durations in milliseconds, 0 for none. `shares` has the largest first."""

    name: str
    seed: str
    shares: tuple[Share, ...]
    total: float
    sticky: tuple[Source, ...]
    request_ms: int
    backend_request_ms: int
    respond: Answer | None


Tiers = tuple[tuple[Variant, ...], ...]


class CompiledPolicy:
    """A policy ready for requests; `digest` names it."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self.digest: str = tables["digest"]
        self.merge_slashes: bool = tables["merge_slashes"]
        self.identify: bool = tables["identify"]
        self.variants = tuple(Variant(**variant) for variant in tables["variants"])
        self.pools: dict[str, tuple[Variant, ...]] = {
            name: tuple(self.variants[position] for position in positions)
            for name, positions in tables["pools"].items()
        }
        self.strict = frozenset(tables["strict"])
        self.regions = Regions(**tables["regions"])
        self.routes = tuple(_route(table) for table in tables["routes"])
        self.matcher = Routes(tables["hosts"])
        self.orders: dict[tuple[tuple[str, ...], str | None], Tiers] = {}
        chains = {share.chain for route in self.routes for share in route.shares}
        for chain in chains:
            for region in (None, *self.regions.orders):
                self.orders[chain, region] = self._order(chain, region)

    @property
    def has_regions(self) -> bool:
        return bool(self.regions.orders)

    def _order(self, chain: tuple[str, ...], region: str | None) -> Tiers:
        """All variants of a chain of pools in tiers of equal rank, for clients of `region`."""
        tiers = [tier for pool in chain for tier in self._pool_order(pool, region)]
        return tuple(tier for tier in tiers if tier)

    def _pool_order(self, pool: str, region: str | None) -> list[tuple[Variant, ...]]:
        """The client's region, its fallbacks, variants without a region, all the others."""
        variants = self.pools[pool]
        if region is None:
            return [variants]
        wanted = self.regions.orders[region]
        near = [tuple(v for v in variants if v.region == name) for name in wanted]
        if pool in self.strict:
            return near
        anywhere = tuple(v for v in variants if v.region is None)
        far = tuple(v for v in variants if v.region is not None and v.region not in wanted)
        return [*near, anywhere, far]


def _route(table: dict[str, Any]) -> Route:
    if "respond" in table:
        status, headers, body = table["respond"]
        answer = Answer(status, tuple((name, value) for name, value in headers), body)
        return Route(table["name"], "", (), 0, (), 0, 0, answer)
    shares = [Share(name, weight, tuple(chain)) for name, weight, chain in table["split"]]
    shares.sort(key=lambda share: (-share.weight, share.name))
    return Route(
        table["name"],
        table["seed"],
        tuple(shares),
        sum(share.weight for share in shares),
        tuple(Source(*source) for source in table["sticky"]),
        table["request_ms"],
        table["backend_request_ms"],
        None,
    )
