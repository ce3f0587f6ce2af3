"""Finding an API key, on CPython: microseconds, among few keys and among many.

The same requests send the same keys both times. So only the number of other keys differs.
"""

from __future__ import annotations

import gc
import time
from hashlib import sha256

from bench.decisions.deciding import compared
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


def microseconds(known_keys: Keys) -> float:
    """Return the time of one request with a valid key."""
    requests = [{"x-api-key": f"text-{n % FEW}", "accept": "*/*"} for n in range(FEW)]
    begun = time.perf_counter()
    for n in range(REQUESTS):
        outcome = authenticate(known_keys, NEEDS, requests[n % FEW], 0.0, b"")
    spent = time.perf_counter() - begun
    if not isinstance(outcome, Identity):
        raise ValueError("the key should be found")
    return spent / REQUESTS * 1e6


def measure_keys() -> dict[str, float]:
    """Measure both in turn, so that other load affects both."""
    tables = {number: keys(number) for number in (FEW, MANY)}
    runs: dict[int, list[float]] = {number: [] for number in tables}
    gc.collect()
    gc.freeze()
    for _ in range(REPEATS):
        for number, table in tables.items():
            runs[number].append(microseconds(table))
    gc.unfreeze()
    return compared(runs[FEW], runs[MANY])
