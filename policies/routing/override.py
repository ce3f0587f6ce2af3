"""Which header of a route picks a pool or a variant by hand, and what it may name.

- A pool must stand in the route's split, with whatever weight; a variant must be in one of
  these pools or their fallbacks. Whoever wrote the route decided which Workers may see its
  requests, and a key for testing must not widen that.
- A name that both a pool and a variant have is the variant's: who names it wants nobody else.
"""

from __future__ import annotations

from typing import NamedTuple

OVERRIDE_SCOPE = "router:override"


class Override(NamedTuple):
    """`header` has a lower-case name; `pools`: those of the split; `reach`: these and their
    fallbacks, whose variants may be named."""

    header: str
    pools: frozenset[str]
    reach: frozenset[str]
