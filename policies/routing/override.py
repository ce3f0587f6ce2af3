"""The header of a route that selects a pool or a variant, and the names that it may have.

- A pool must be in the route's split, with any weight; a variant must be in one of these pools or
  their fallbacks. The author of the route decided which Workers may see its requests, and a key for
  testing must not widen that.
- A name that both a pool and a variant have means the variant.
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
