"""No statement about agents reads more than its tenant's own."""

from __future__ import annotations

import re

import pytest

from agent.agents import statements
from tests.agent.queue.sqlite import memory

ALL = {name: text for name, text in vars(statements).items() if name.isupper() and name[0] != "_"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_is_read(name: str) -> None:
    sql = ALL[name]
    number = max(int(found) for found in re.findall(r"\?(\d)", sql))
    database = memory()
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", ["1"] * number)
    steps = [row[3] for row in plan]
    assert [step for step in steps if "agent" in step]
    assert [step for step in steps if step.startswith("SCAN agent")] == []


def test_lists_are_not_sorted() -> None:
    database = memory()
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {statements.LIST}", ["1"] * 3)
    assert [row[3] for row in plan] == [
        "SEARCH agents USING INDEX agents_of_tenant (tenant=? AND id>?)"
    ]
