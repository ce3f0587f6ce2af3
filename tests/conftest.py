"""Settings of all tests."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# What helpers assert is told as what tests assert is.
pytest.register_assert_rewrite("tests.support")

from tests.support.examples import DEFAULT, examples  # noqa: E402

settings.register_profile("ours", examples(DEFAULT))
settings.load_profile("ours")

# A shell lets what runs behind it ignore Ctrl-C, and programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# About how many seconds the longest files take. A file is run by one process from its first test
# to its last: one that begins at the end is waited for by all. And those that wait for the
# runtime are mixed with those that compute, or they would all be at it at once.
SECONDS = {
    "edge/test_rollouts.py": 190,
    "edge/test_agent.py": 150,
    "edge/test_agent_clients.py": 50,
    "edge/test_publishing.py": 90,
    "edge/test_drills.py": 80,
    "edge/test_push.py": 80,
    "edge/test_coordinator_failures.py": 120,
    "edge/test_drills_and_health.py": 100,
    "edge/test_coordinator.py": 90,
    "edge/test_kv.py": 70,
    "edge/test_store.py": 80,
    "edge/test_entry.py": 30,
    "edge/test_splitting.py": 40,
    "edge/test_rate_limits.py": 40,
    "edge/test_drill_run.py": 40,
    "router/settle/test_layouts.py": 40,
    "policies/decisions/test_match.py": 40,
    "policies/gateway/test_convert.py": 40,
    "policies/decisions/test_regex.py": 25,
}
ON_THE_RUNTIME, COMPUTING = 15, 2  # of all others


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path.as_posix().rpartition("/tests/")[2], []).append(item)
    ordered = sorted(files, key=_seconds, reverse=True)
    kinds = [
        [name for name in ordered if name.startswith("edge/") is is_edge]
        for is_edge in (True, False)
    ]
    items[:] = [item for name in _mixed(*kinds) for item in files[name]]


def _seconds(file: str) -> int:
    return SECONDS.get(file, ON_THE_RUNTIME if file.startswith("edge/") else COMPUTING)


def _mixed(*kinds: list[str]) -> list[str]:
    """The files of each kind, so that all kinds end together."""
    totals = [sum(map(_seconds, kind)) for kind in kinds]
    mixed, spent, left = list[str](), [0] * len(kinds), [list(kind) for kind in kinds]
    while any(left):
        at = min((k for k in range(len(kinds)) if left[k]), key=lambda k: spent[k] / totals[k])
        mixed.append(left[at].pop(0))
        spent[at] += _seconds(mixed[-1])
    return mixed
