"""The lines of the Worker's log."""

from __future__ import annotations

import json
import re
from pathlib import Path

from router.edge.isolate.log import LEVELS, log_line

ROOT = Path(__file__).parents[3]


def test_a_line() -> None:
    line = log_line("variant-ejected", {"variant": "a", "for_ms": 10}, 1_764_411_675_020)
    assert list(json.loads(line).items()) == [
        ("time", "2025-11-29T10:21:15.020Z"),
        ("level", "warning"),
        ("event", "variant-ejected"),
        ("variant", "a"),
        ("for_ms", 10),
    ]
    assert json.loads(log_line("policy-loaded", {}, 0.0)) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "event": "policy-loaded",
    }


def test_every_level_is_that_of_a_documented_event() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\| `event` \| fields.*?\n\n", page, re.DOTALL)
    documented = {
        name
        for row in table.strip().splitlines()[2:]
        for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])
    }
    assert LEVELS.keys() <= documented


def test_every_event_is_documented() -> None:
    """An event of the code is in the table, and so has a level."""
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    logged = re.compile(r"\blog\(\s*\"([a-z-]+)\"")
    for path in (ROOT / "router" / "edge").rglob("*.py"):
        for event in logged.findall(path.read_text(encoding="utf-8")):
            assert f"`{event}`" in page, f"{path.name}: {event}"
