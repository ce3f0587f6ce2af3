"""No statement reads all callbacks, or all jobs, however many there are."""

from __future__ import annotations

import re

import pytest

from agent.callbacks import statements
from tests.agent.queue.sqlite import memory

ALL = {name: text for name, text in vars(statements).items() if name.isupper()}
# Which hold just the callbacks that are due or dead: those that DEPTH counts.
MAY_BE_SCANNED = re.compile(r"SCAN (CONSTANT ROW|callbacks USING (COVERING )?INDEX callbacks_)")


@pytest.mark.parametrize("name", ALL)
def test_what_is_read(name: str) -> None:
    number = max(int(found) for found in re.findall(r"\?(\d)", ALL[name]))
    given = ["1"] * number
    database = memory()
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {ALL[name]}", given)
    steps = [row[3] for row in plan]
    scans = [step for step in steps if step.startswith("SCAN")]
    assert [step for step in scans if not MAY_BE_SCANNED.match(step)] == []
    assert [step for step in steps if "TEMP B-TREE" in step and name != "TAKEN"] == []
