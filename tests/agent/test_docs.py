"""docs/agent-operations.md says of the queue what the code does, and pages stay pages for users."""

from __future__ import annotations

import re
from typing import get_args

from agent.core.capabilities.execution import CAPABILITIES
from agent.edge.d1.database import TRIES, WAITS
from agent.queue import limits
from agent.queue.job import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, JobState
from agent.queue.jobs import FORGOTTEN_AT_ONCE, RETRIES
from tests.agent.pages import PAGES, cells, first_column, section, spaced

# Of the queue; what stands around it has tests of its own.
TEXT = section("The job queue")
SPACED = spaced(TEXT)
USERS = tuple(name for name in PAGES if name != "agent-operations.md")
INTERNAL = re.compile(r"\.\./agent/(?!variants\.toml|schemas/openapi\.json)|\b\w+\.py\b|`Jobs?\b")


def test_every_state_has_a_row() -> None:
    assert first_column(TEXT, "state") == list(get_args(JobState))


def test_pages_for_users_name_no_files_or_classes_of_the_code() -> None:
    for name in USERS:
        assert INTERNAL.findall(PAGES[name].replace("agent.callbacks.signing", "")) == [], name


def test_every_capability_has_a_row_and_a_section() -> None:
    table = PAGES["agent-capabilities.md"].partition("\n| capability |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in table.splitlines()[2:] if row.startswith("|")]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row[1])]
    assert sorted(named) == sorted(CAPABILITIES)
    for _, names, _, link, _ in rows:
        title, page, anchor = re.findall(r"\[(.+)\]\(([^)#]*)#?(.*)\)", link)[0]
        text = section(title) if anchor else PAGES[page]
        assert all(name in text for name in re.findall(r"`[^`]+`", names)), title


def test_which_results_are_kept() -> None:
    told = section("POST /execute").partition("\n### Kept results")[2]
    table = told.partition("\n| capability |")[2].partition("\n\n")[0].splitlines()[2:]
    said = {}
    for row in table:
        _, names, how, _ = row.split("|")
        said |= dict.fromkeys(re.findall(r"`([^`]+)`", names), how.strip())
    assert sorted(said) == sorted(CAPABILITIES)
    for name, capability in CAPABILITIES.items():
        kinds = {True: "always", False: "never"}
        if not callable(capability.is_kept):
            assert said[name] == kinds[capability.is_kept]
    assert "`seed`, or `temperature` 0, and is no stream" in said["ai-completion"]


def test_limits() -> None:
    assert cells(TEXT, "capabilities of a poll") == str(limits.MAX_CAPABILITIES)
    assert cells(TEXT, "jobs of a poll") == str(limits.MAX_JOBS)
    assert f"up to {limits.MAX_JOBS} jobs" in TEXT
    assert cells(TEXT, "payload") == f"{limits.MAX_PAYLOAD:,} bytes"
    assert cells(TEXT, "result").startswith(f"{limits.MAX_RESULT:,} bytes")
    assert cells(TEXT, "error").startswith(f"{limits.MAX_ERROR:,} characters")
    assert cells(TEXT, "attempts") == f"{limits.MAX_ATTEMPTS}; default {DEFAULT_ATTEMPTS}"
    assert cells(TEXT, "dependencies") == str(limits.MAX_DEPENDENCIES)
    assert cells(TEXT, "results of dependencies") == f"{limits.MAX_INPUTS:,} bytes in all"
    assert cells(TEXT, "time to wait for a worker") == f"1 to {limits.MAX_START_WITHIN_MS:,} ms"
    assert cells(TEXT, "lease") == f"{limits.MIN_LEASE_MS:,} to {limits.MAX_LEASE_MS:,} ms"
    assert f"and {DEFAULT_PRIORITY} if nobody says otherwise" in SPACED
    assert f"up to {FORGOTTEN_AT_ONCE} at a time" in SPACED


def test_waits() -> None:
    first, last = ([RETRIES.wait_ms(n, jitter) for jitter in (0, 1)] for n in (1, 99))
    assert cells(TEXT, "after the first failure") == f"{first[0] // 1000} to {first[1] // 1000} s"
    assert cells(TEXT, "at most") == f"{last[0] // 1000} to {last[1] // 1000} s"
    *most, longest = (WAITS.wait_ms(tried, 1) for tried in range(1, TRIES))
    assert f"random, up to {', '.join(map(str, most))} and {longest:,} ms" in SPACED
    assert {WAITS.wait_ms(tried, 0) for tried in range(1, TRIES)} == {0}
