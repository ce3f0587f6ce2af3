"""Values that many routes have: each stands in memory once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

T = TypeVar("T")


class Once:
    """Equal values become the same one."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def of(self, value: T, key: Hashable = None) -> T:
        """The first value that was equal to `value`; `key`: what tells it, if it cannot be
        hashed itself."""
        known = self._known.setdefault((type(value), value if key is None else key), value)
        assert isinstance(known, type(value)), "values of one type have keys of their own"
        return known
