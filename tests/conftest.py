"""Settings of all tests.

1. Tests of a folder in FOLDERS have its name as their marker; those that take long elsewhere are
   marked `slow`. `-m` says which run, and a folder that it leaves out is not even imported.
2. A file is run by one process from its first test to its last, and so are all files that share a
   server: they are one group, unless that takes too long (APART).
3. The garbage collector does not look at modules and tests, which stay: it would take a tenth of
   the time.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator
from pathlib import Path

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

TESTS = Path(__file__).parent
FOLDERS = ("edge", "load", "sandbox")
# The fixtures that are a server for several files, and so the names of their groups.
SHARED = ("router_of_agents", "probed", "edge")
# Files of the longest of these groups that make up one of their own, with another such server.
APART = ("edge/test_agent_turns.py", "edge/test_agent_workers.py")
# About how many seconds the longest groups take: one that begins at the end is waited for by all.
SECONDS = {
    "router_of_agents": 210,
    "router_of_agents-apart": 140,
    "edge": 130,
    "edge/test_rollouts.py": 85,
    "edge/test_policy_work.py": 75,
    "probed": 75,
    "edge/test_memory.py": 60,
    "edge/test_push.py": 60,
    "edge/test_shipped_policy.py": 50,
    "edge/test_store.py": 40,
    "edge/test_coordinator_failures.py": 40,
    "edge/test_drills.py": 40,
    "edge/test_kv.py": 30,
    "edge/test_wheel.py": 70,
    "edge/test_drain.py": 30,
    "edge/test_drill_run.py": 30,
    "edge/test_limiter_failures.py": 30,
    "edge/test_publishing.py": 30,
    "edge/test_agent_python_network.py": 30,
    "edge/test_agent_queue.py": 25,
    "edge/test_bodies.py": 25,
    "router/settle/test_layouts.py": 25,
    "policies/language/test_hints.py": 15,
    "policies/language/test_work.py": 15,
    "policies/routing/test_match.py": 15,
    "policies/gateway/test_convert.py": 15,
    "policies/basics/test_regex.py": 15,
}
ON_THE_RUNTIME, COMPUTING = 15, 2  # of all others
OBJECTS = 10_000  # more than there were, before the collector looks at them


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    folder = collection_path.name
    is_left_out = f"not {folder}" in config.option.markexpr
    return (collection_path.parent == TESTS and folder in FOLDERS and is_left_out) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(OBJECTS)
        gc.enable()


# Before that of pytest-xdist, which takes the names of the groups from the markers.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        name = item.path.relative_to(TESTS).as_posix()
        files.setdefault(name, []).append(item)
        if name.partition("/")[0] in FOLDERS:
            item.add_marker(name.partition("/")[0])
    groups: dict[str, list[pytest.Item]] = {}
    for name, tests in files.items():
        groups.setdefault(_group(name, tests), []).extend(tests)
    for name, tests in groups.items():
        for item in tests:
            item.add_marker(pytest.mark.xdist_group(name))
    ordered = sorted(groups, key=lambda name: _seconds(name, groups[name]), reverse=True)
    items[:] = [item for name in ordered for item in groups[name]]


def _group(file: str, items: list[pytest.Item]) -> str:
    """Tests of one file may share several servers: then all their files are together."""
    used = {name for item in items for name in getattr(item, "fixturenames", ())}
    shared = next((name for name in SHARED if name in used), file)
    return f"{shared}-apart" if file in APART else shared


def _seconds(group: str, items: list[pytest.Item]) -> int:
    is_edge = items[0].get_closest_marker("edge") is not None
    return SECONDS.get(group, ON_THE_RUNTIME if is_edge else COMPUTING)
