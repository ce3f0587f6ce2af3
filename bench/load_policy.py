"""How long a policy takes to load, in milliseconds: run on CPython and inside workerd."""

from __future__ import annotations

import json
import time

from policies.decisions.policy import CompiledPolicy
from policies.language.compile import compile_policy
from policies.language.load import load

REPEATS = 5


def from_yaml(data: bytes) -> CompiledPolicy:
    """As the edge does it when KV has only the YAML."""
    loaded = load(data)
    if loaded.policy is None:
        raise ValueError(loaded.findings)
    return CompiledPolicy(compile_policy(loaded.policy, loaded.digest))


def from_compiled(text: str) -> CompiledPolicy:
    return CompiledPolicy(json.loads(text))


def times(data: bytes, compiled: str) -> dict[str, list[float]]:
    """Every repetition; the first one is that of an isolate that has never loaded any."""
    taken: dict[str, list[float]] = {"compiled": [], "yaml": []}
    for _ in range(REPEATS):
        begun = time.perf_counter()
        from_compiled(compiled)
        middle = time.perf_counter()
        from_yaml(data)
        taken["compiled"].append((middle - begun) * 1e3)
        taken["yaml"].append((time.perf_counter() - middle) * 1e3)
    return taken
