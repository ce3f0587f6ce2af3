"""docs/agent.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from agent.edge.d1 import TRIES, WAITS
from agent.queue import limits
from agent.queue.job import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, State
from agent.queue.jobs import FORGOTTEN_AT_ONCE, RETRIES, Jobs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agent.md").read_text("utf-8")


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


# Of the queue and of what stands around it; what jobs do has tests of its own.
TEXT = section("The job queue")
SPACED = " ".join(TEXT.split())


def cells(row: str) -> str:
    """What the table says of `row`."""
    found = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", TEXT, re.MULTILINE)
    assert found, row
    return found[1]


def test_every_state_and_operation_has_a_row() -> None:
    assert re.findall(r"^\| `([a-z]+)` \| [^|]+ \|$", TEXT, re.MULTILINE) == list(get_args(State))
    told = set(
        re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE)))
    )
    assert {name for name in vars(Jobs) if not name.startswith("_")} <= told


def test_limits() -> None:
    assert cells("capabilities of a poll") == str(limits.MAX_CAPABILITIES)
    assert cells("jobs of a poll") == str(limits.MAX_JOBS)
    assert f"up to {limits.MAX_JOBS} jobs" in TEXT
    assert cells("payload") == f"{limits.MAX_PAYLOAD:,} bytes"
    assert cells("result").startswith(f"{limits.MAX_RESULT:,} bytes")
    assert cells("error").startswith(f"{limits.MAX_ERROR:,} characters")
    assert cells("attempts") == f"{limits.MAX_ATTEMPTS}, and {DEFAULT_ATTEMPTS} unless it is said"
    assert cells("dependencies") == str(limits.MAX_DEPENDENCIES)
    assert cells("results of dependencies") == f"{limits.MAX_INPUTS:,} bytes in all"
    assert cells("time to wait for a worker") == f"1 to {limits.MAX_START_WITHIN_MS:,} ms"
    assert cells("lease") == f"{limits.MIN_LEASE_MS:,} to {limits.MAX_LEASE_MS:,} ms"
    assert f"and {DEFAULT_PRIORITY} if nobody says otherwise" in SPACED
    assert f"deletes up to {FORGOTTEN_AT_ONCE} jobs" in SPACED


def test_waits() -> None:
    first, last = ([RETRIES.wait_ms(n, jitter) for jitter in (0, 1)] for n in (1, 99))
    assert cells("after the first failure") == f"{first[0] // 1000} to {first[1] // 1000} s"
    assert cells("at most") == f"{last[0] // 1000} to {last[1] // 1000} s"
    *most, longest = (WAITS.wait_ms(tried, 1) for tried in range(1, TRIES))
    assert f"nothing and {', '.join(map(str, most))} and {longest:,} ms" in SPACED
    assert {WAITS.wait_ms(tried, 0) for tried in range(1, TRIES)} == {0}
