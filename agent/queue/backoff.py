"""Exponential backoff with jitter, within bounds. `jitter` is a random number from 0 to 1, which
the caller draws."""

from __future__ import annotations

MAX_DOUBLINGS = 30


class Backoff:
    """`least`: the part of the wait without jitter. 0 spreads best, for failures that many see at
    once; 0.5 guarantees some wait, for a failure of one job."""

    __slots__ = ("_base_ms", "_least", "_most_ms")

    def __init__(self, base_ms: int, most_ms: int, least: float) -> None:
        self._base_ms = base_ms
        self._most_ms = most_ms
        self._least = least

    def wait_ms(self, tried: int, jitter: float) -> int:
        """The wait after `tried` attempts, at least one."""
        whole = min(self._most_ms, self._base_ms << min(tried - 1, MAX_DOUBLINGS))
        return round(whole * (self._least + (1 - self._least) * jitter))
