"""The share of a route's clients that each pool gets."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from policies.balancing.split import choose
from policies.compiled.model import Route, Share

CLIENTS = 40_000  # the standard error of a share of one half is a quarter of a point


def shares_of(route: Route) -> dict[str, float]:
    """Return the shares: counted over clients with different keys, exact where the choice is
    random."""
    if not route.sticky:
        return {share.name: share.weight / route.total for share in route.shares}
    return _counted(route.shares, route.seed)


@lru_cache(maxsize=64)
def _counted(shares: tuple[Share, ...], seed: str) -> dict[str, float]:
    found = Counter(choose(shares, seed, f"client-{number}").name for number in range(CLIENTS))
    return {share.name: found[share.name] / CLIENTS for share in shares}
