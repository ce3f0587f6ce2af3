"""A cache whose entries expire; the oldest is evicted when it is full."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class ExpiringCache(Generic[T]):
    """`most`: how many entries it holds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, tuple[float, T]] = {}

    def get(self, name: str, now_ms: float) -> T | None:
        until, value = self._known.get(name, (0.0, None))
        return value if now_ms < until else None

    def keep(self, name: str, value: T, now_ms: float, seconds: float) -> None:
        self._known.pop(name, None)
        if len(self._known) >= self._most:
            self._known.pop(next(iter(self._known)))
        self._known[name] = (now_ms + seconds * 1000, value)
