"""No statement about workers reads all workers or all jobs."""

from __future__ import annotations

import re

import pytest

from agent.queue import lease_statements as leases
from agent.workers import statements
from tests.agent.queue.sqlite import memory

PLANNED = {
    name: text
    for name, text in vars(statements).items()
    if name.isupper() and name[0] != "_" and name != "COLUMNS" and isinstance(text, str)
}
# Lists in a row or in the statement, and indexes that hold just the jobs that are counted.
MAY_BE_SCANNED = re.compile(
    r"SCAN (own|one|json_each) VIRTUAL TABLE|SCAN CONSTANT ROW|SCAN \(subquery-\d\)"
    # Indexes that hold just the jobs that are counted.
    r"|SCAN jobs USING (COVERING )?INDEX jobs_(leased|waiting_of_tenant)"
)


def steps(sql: str) -> list[str]:
    number = max(int(found) for found in re.findall(r"\?(\d)", sql))
    database = memory()
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", ["[]"] * number)
    return [row[3] for row in plan]


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_read(name: str) -> None:
    found = steps(PLANNED[name])
    assert [step for step in found if "workers" in step or "silent" in step]
    scans = [step for step in found if step.startswith("SCAN")]
    assert [step for step in scans if not MAY_BE_SCANNED.match(step)] == []


def test_a_poll_looks_at_workers_that_are_newly_silent_alone() -> None:
    found = steps(leases.LOST)
    assert "SEARCH silent USING COVERING INDEX workers_seen (is_lost=? AND seen_ms<?)" in found, (
        found
    )
    assert "SEARCH held USING INDEX jobs_keeper (keeper=?)" in found
