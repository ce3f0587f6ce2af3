"""Settings of all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.examples import DEFAULT, examples

settings.register_profile("ours", examples(DEFAULT))
settings.load_profile("ours")

# The files that take longest, which begin first: a file is run by one process from its first
# test to its last, and one that begins at the end is waited for by all.
LONGEST = (
    *("edge/test_rollouts.py", "edge/test_agent.py", "edge/test_publishing.py"),
    *("edge/test_drills.py", "edge/test_push.py", "edge/test_coordinator_failures.py"),
    *(
        "edge/test_drills_and_health.py",
        "edge/test_coordinator.py",
        "router/settle/test_layouts.py",
    ),
    *("edge/test_kv.py", "edge/test_store.py", "policies/decisions/test_match.py"),
    *("edge/test_splitting.py", "edge/test_rate_limits.py", "edge/test_drill_run.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        named = [at for at, name in enumerate(LONGEST) if path.endswith(f"tests/{name}")]
        rest = len(LONGEST) if "/tests/edge/" in path else len(LONGEST) + 1
        return named[0] if named else rest

    items.sort(key=place)
