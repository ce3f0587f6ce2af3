"""Finding an API key, on CPython: microseconds, among few keys and among many.

The same requests ask for the same keys both times, so that what differs is the number of
keys that are *not* asked for.
"""

from __future__ import annotations

import gc
import time
from hashlib import sha256

from bench.deciding import compared
from policies.access.authenticate import ApiKey, Identity, Keys, KeyTables, Needs, authenticate

FEW, MANY = 10, 100_000
REQUESTS = 20_000
REPEATS = 15
NEEDS = Needs(frozenset({"a"}), forward=False)


def keys(number: int) -> Keys:
    found = [
        ApiKey(f"key-{n}", sha256(f"text-{n}".encode()).digest(), frozenset({"a"}))
        for n in range(number)
    ]
    return Keys(KeyTables(sha256=tuple(found)))


def microseconds(made: Keys) -> float:
    """Return the time of one request with a valid key."""
    requests = [{"x-api-key": f"text-{n % FEW}", "accept": "*/*"} for n in range(FEW)]
    begun = time.perf_counter()
    for n in range(REQUESTS):
        found = authenticate(made, NEEDS, requests[n % FEW], 0.0, b"")
    spent = time.perf_counter() - begun
    if not isinstance(found, Identity):
        raise ValueError("the key should be found")
    return spent / REQUESTS * 1e6


def measure_keys() -> dict[str, float]:
    """Measure both in turn, so that other load affects both."""
    made = {number: keys(number) for number in (FEW, MANY)}
    runs: dict[int, list[float]] = {number: [] for number in made}
    gc.collect()
    gc.freeze()
    for _ in range(REPEATS):
        for number, each in made.items():
            runs[number].append(microseconds(each))
    gc.unfreeze()
    return compared(runs[FEW], runs[MANY])
