"""Which variants are not in service at a moment, as the choice of a variant needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Never

NOBODY: Mapping[str, Never] = MappingProxyType({})


class Availability(NamedTuple):
    """The variants that are not fully in service.

    `out`: get no requests. `returning`: the share of their own requests that they get. `half_open`:
    wait for a probe request, which must be repeatable unless the value is True. `panic`: pools
    whose health is ignored. `retry_ms`: until the first variant of `out` may be tried.
    """

    out: frozenset[str] = frozenset()
    returning: Mapping[str, float] = NOBODY
    half_open: Mapping[str, bool] = NOBODY
    panic: frozenset[str] = frozenset()
    retry_ms: float = 0

    def without(self, names: Iterable[str]) -> Availability:
        """Return the same with `names` out, too."""
        return self._replace(out=self.out.union(names))


def availability_without(names: Iterable[str]) -> Availability | None:
    """Return an availability with only `names` out; None if there are none."""
    out = frozenset(names)
    return Availability(out) if out else None
