"""The pages about the agent say what is recorded, in which order, and how much."""

from __future__ import annotations

import re

from agent.core.capabilities import cache
from agent.core.http import cors, debug_log
from agent.records import records
from agent.records.request import BLOBS, DOUBLES, MAX_TENANT
from tests.agent.pages import section, spaced

TEXT = section("Records")
SPACED = spaced(TEXT)
KEPT = spaced(section("POST /execute").partition("\n### Kept results")[2])


def test_columns() -> None:
    for kind, names in (("blob", BLOBS), ("double", DOUBLES)):
        found = re.findall(rf"^\| `{kind}(\d+)` \| `(\w+)` \|", TEXT, re.MULTILINE)
        assert found == [(str(number), name) for number, name in enumerate(names, 1)]
    assert f"up to {MAX_TENANT} bytes" in SPACED


def test_numbers() -> None:
    assert f"for {cache.KEEP_S // 60} minutes" in KEPT
    assert f"more than {cache.MAX_KEPT // 2**20} MiB" in KEPT
    assert f"reads up to {records.MAX_STEPS} steps" in SPACED
    deleted = f"{records.REQUESTS_AT_ONCE:,} rows of `requests` and {records.STEPS_AT_ONCE:,} steps"
    assert deleted in SPACED
    assert f"the first {debug_log.MAX_BODY:,} characters" in SPACED
    assert f"headers that it asks for, {cors.MAX_NAMES} at most" in SPACED


def test_exposed_headers() -> None:
    told = re.search(r"Pages may read (.*?)\.", SPACED)
    assert told
    assert [name.lower() for name in re.findall("`(.+?)`", told[1])] == cors.EXPOSED.split(", ")
