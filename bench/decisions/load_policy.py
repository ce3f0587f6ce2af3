"""How long a policy takes to load, in milliseconds: run on CPython and inside workerd."""

from __future__ import annotations

import time

from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import tables_from
from policies.language.compile.compile import compile_policy
from policies.language.load import digest_of, load

REPEATS = 5


def from_yaml(data: bytes) -> CompiledPolicy:
    """Load as the edge does if KV has only the YAML."""
    loaded = load(data)
    if loaded.policy is None:
        raise ValueError(loaded.findings)
    return CompiledPolicy(compile_policy(loaded.policy, loaded.digest))


def from_compiled(form: bytes, digest: str) -> CompiledPolicy:
    return CompiledPolicy(tables_from(form, digest))


def times(data: bytes, compiled: bytes) -> dict[str, list[float]]:
    """Return the time of each repetition; the first is that of a new isolate."""
    times_ms: dict[str, list[float]] = {"compiled": [], "yaml": []}
    for _ in range(REPEATS):
        begun = time.perf_counter()
        from_compiled(compiled, digest_of(data))
        middle = time.perf_counter()
        from_yaml(data)
        times_ms["compiled"].append((middle - begun) * 1e3)
        times_ms["yaml"].append((time.perf_counter() - middle) * 1e3)
    return times_ms
