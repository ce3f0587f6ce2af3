"""No statement of the queue reads the whole table, however many jobs there are."""

from __future__ import annotations

import re

import pytest

from agent.queue import lease_statements, statements
from tests.agent.queue.making import Queue
from tests.agent.queue.sqlite import Sqlite, memory

ALL = {
    name: text
    for name, text in (vars(statements) | vars(lease_statements)).items()
    if name.isupper() and name[0] != "_" and isinstance(text, str)
}
PLANNED = sorted(set(ALL) - {"COLUMNS"})
# A list in the statement, and indexes that hold just the jobs that are counted.
MAY_BE_SCANNED = re.compile(
    r"SCAN (asked|needed|json_each|CONSTANT ROW|\(subquery-\d+\))( |$)"
    r"|SCAN jobs USING (COVERING )?INDEX jobs_(waiting|ticket|leased|failed)"
)


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_read(name: str) -> None:
    sql = ALL[name]
    number = max(int(found) for found in re.findall(r"\?(\d+)", sql))
    params = ["[]"] * number
    database = memory()
    steps = [row[3] for row in database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
    assert [step for step in steps if re.search("jobs|waiting|tenants|lane|workers", step)]
    scans = [step for step in steps if step.startswith("SCAN")]
    assert [step for step in scans if not MAY_BE_SCANNED.match(step)] == []


def test_a_poll_sorts_neither_the_line_nor_what_waits() -> None:
    database = memory()
    plan = list(
        database.connection.execute(f"EXPLAIN QUERY PLAN {lease_statements.TAKE}", ["[]"] * 9)
    )
    lists = [step for step in plan if step[3].startswith("CORRELATED LIST SUBQUERY")]
    first = [next(step[3] for step in plan if step[1] == each[0]) for each in lists]
    assert first == [
        "SEARCH lanes USING COVERING INDEX lanes_line (dispatch=? AND capability=?)",
        "SEARCH jobs USING INDEX jobs_waiting_of_tenant "
        "(tenant=? AND dispatch=? AND capability=? AND blocked=? AND priority=?)",
    ]
    below = {each[0] for each in lists}
    assert [step for step in plan if step[1] in below and "B-TREE" in step[3]] == []


def steps_of_a_poll(queue: Queue) -> int:
    """How many steps SQLite's machine takes for it."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    assert isinstance(queue.db, Sqlite)
    queue.db.connection.set_progress_handler(count, 1)
    assert len(queue.lease("ann")) == 1
    queue.db.connection.set_progress_handler(None, 0)
    return steps


def test_a_poll_costs_the_same_however_many_wait_or_are_blocked() -> None:
    queue = Queue()
    queue.submit("first")
    few = steps_of_a_poll(queue)
    for number in range(300):
        queue.submit(f"own-{number}")
        queue.submit(f"other-{number}", tenant=f"tenant-{number % 50}")
        queue.submit(f"blocked-{number}", depends_on=("own-0",), priority=9)
    assert steps_of_a_poll(queue) < 1.5 * few
