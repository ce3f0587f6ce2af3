"""Weighted choice that keeps clients where they are.

Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and
Schomaker 2005): each name draws h in (0, 1) from a hash of seed, name and key, and the
largest weight / -ln(h) wins. Shares are exactly weight / sum; raising one weight only
moves keys to that name, lowering it only moves keys away; order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import log
from typing import Protocol, TypeVar

_SCALE = 2.0**-53


class Weighted(Protocol):
    """Anything with a name and a weight (at least 0)."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> float: ...


W = TypeVar("W", bound=Weighted)


def uniform(seed: str, name: str, key: str) -> float:
    """Return a number in (0, 1) from a hash of all three. NUL separates them: no name or seed
    contains it."""
    text = f"{seed}\0{name}\0{key}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    # 53 of the 64 bits, at the middle of their step: never 0 and never 1.
    return ((number >> 11) + 0.5) * _SCALE


def score(seed: str, name: str, weight: float, key: str) -> float:
    """Return weight / -ln(h)."""
    return weight / -log(uniform(seed, name, key))


def choose(candidates: Iterable[W], seed: str, key: str) -> W:
    """Return the candidate that `key` belongs to. At least one must have a weight above 0."""
    chosen, most = None, -1.0
    for candidate in candidates:
        found = score(seed, candidate.name, candidate.weight, key)
        if found > most:
            chosen, most = candidate, found
    assert chosen is not None, "there is a candidate"
    return chosen


def ranked(candidates: Sequence[W], seed: str, key: str) -> list[W]:
    """Return all candidates: the one that `key` belongs to first, then the next best ones."""
    return sorted(
        candidates, key=lambda candidate: -score(seed, candidate.name, candidate.weight, key)
    )
