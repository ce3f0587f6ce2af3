"""No statement of the queue reads the whole table, however many jobs there are."""

from __future__ import annotations

import re

import pytest

from agent.queue import statements
from tests.agent.queue.sqlite import memory

ALL = {
    name: text
    for name, text in vars(statements).items()
    if name.isupper() and name[0] != "_" and isinstance(text, str)
}
PLANNED = sorted(set(ALL) - {"COLUMNS", "SUBMIT"})
# A list in the statement, and indexes that hold just the jobs that are counted.
MAY_BE_SCANNED = re.compile(
    r"SCAN asked |SCAN jobs USING (COVERING )?INDEX jobs_(waiting|ticket|leased|failed)"
)


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_read(name: str) -> None:
    sql = ALL[name]
    number = max(int(found) for found in re.findall(r"\?(\d)", sql))
    params = ["[]"] * number
    database = memory()
    steps = [row[3] for row in database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
    assert [step for step in steps if "jobs" in step or "waiting" in step]
    scans = [step for step in steps if step.startswith("SCAN")]
    assert [step for step in scans if not MAY_BE_SCANNED.match(step)] == []


def test_a_poll_does_not_sort_what_waits() -> None:
    sql = f"EXPLAIN QUERY PLAN {statements.TAKE}"
    database = memory()
    plan = list(database.connection.execute(sql, ["[]"] * 8))
    inner = next(step for step in plan if "CORRELATED LIST SUBQUERY" in step[3])
    below = [step[3] for step in plan if step[1] == inner[0]]
    assert below == ["SEARCH jobs USING INDEX jobs_waiting (dispatch=? AND capability=?)"]
