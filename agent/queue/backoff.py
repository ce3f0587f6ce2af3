"""Exponential backoff with jitter, within bounds. `jitter` is a random number from 0 to 1, which
the caller draws."""

from __future__ import annotations

MAX_DOUBLINGS = 30


class Backoff:
    """`least` is the part of the wait that jitter leaves alone: 0 spreads best (what failed for
    all at once), a half makes sure of some time (what failed by itself)."""

    __slots__ = ("_base_ms", "_least", "_most_ms")

    def __init__(self, base_ms: int, most_ms: int, least: float) -> None:
        self._base_ms = base_ms
        self._most_ms = most_ms
        self._least = least

    def wait_ms(self, tried: int, jitter: float) -> int:
        """After `tried` tries, at least one."""
        whole = min(self._most_ms, self._base_ms << min(tried - 1, MAX_DOUBLINGS))
        return round(whole * (self._least + (1 - self._least) * jitter))
