"""Who is in trouble at a moment, as choosing needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOBODY: Mapping[str, Any] = MappingProxyType({})


class Availability(NamedTuple):
    """`out` get nothing. `returning`: the part of their own requests that they get.
    `half_open` await a probe request: a repeatable one, or any (True). `panic`: pools whose health
    is not looked at. `retry_ms`: until the first of those who are out may be tried."""

    out: frozenset[str] = frozenset()
    returning: Mapping[str, float] = NOBODY
    half_open: Mapping[str, bool] = NOBODY
    panic: frozenset[str] = frozenset()
    retry_ms: float = 0

    def without(self, names: Iterable[str]) -> Availability:
        """The same, with `names` out, too."""
        return self._replace(out=self.out.union(names))


def availability_without(names: Iterable[str]) -> Availability | None:
    """All well but `names`; None if there are none."""
    out = frozenset(names)
    return Availability(out) if out else None
