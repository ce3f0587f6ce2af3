"""Which part of a route's clients each pool gets."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from policies.decisions.policy import Route, Share
from policies.decisions.split import choose

CLIENTS = 40_000  # a share of one half is then known to a quarter of a point


def shares_of(route: Route) -> dict[str, float]:
    """Counted over clients with keys of their own; exact where the choice is random."""
    if not route.sticky:
        return {share.name: share.weight / route.total for share in route.shares}
    return _counted(route.shares, route.seed)


@lru_cache(maxsize=64)
def _counted(shares: tuple[Share, ...], seed: str) -> dict[str, float]:
    found = Counter(choose(shares, seed, f"client-{number}").name for number in range(CLIENTS))
    return {share.name: found[share.name] / CLIENTS for share in shares}
