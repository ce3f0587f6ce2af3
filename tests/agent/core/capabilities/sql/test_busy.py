"""A database that is busy is asked again, and only if nothing was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.core.capabilities.sql.busy import TRIES, PatientData
from agent.core.capabilities.sql.data import SqlError, Table

FINE = Table(["a"], [[1]], 0, False, 1.0)
BUSY, LOST = SqlError("database is locked", True, True), SqlError("lost", True, False)
WRONG = SqlError("no such table", False, True)


class Played:
    """Fails so, one after the other, and takes no time; waits do."""

    def __init__(self, *failures: SqlError) -> None:
        self.failures = list(failures)
        self.asked, self.now = list[float](), 0.0

    def run(
        self, sql: str, params: Sequence[Sequence[Any]], reads: bool, most: int, within_ms: float
    ) -> Table:
        self.asked.append(within_ms)
        if self.failures:
            raise self.failures.pop(0)
        return FINE

    def pause(self, ms: float) -> None:
        self.now += ms

    def ask(self, within_ms: float = 5_000) -> Table:
        data = PatientData(self, self.pause, lambda: 1.0, lambda: self.now)
        return data.run("UPDATE", [[]], False, 100, within_ms)


def test_it_is_asked_again_until_it_answers() -> None:
    played = Played(BUSY, BUSY)
    assert played.ask() is FINE
    assert (played.asked, played.now) == ([5_000, 4_900, 4_700], 300)


def test_at_last_it_is_busy() -> None:
    played = Played(*[BUSY] * TRIES)
    with pytest.raises(SqlError, match="locked"):
        played.ask()
    assert len(played.asked) == TRIES


@pytest.mark.parametrize("failure", [LOST, WRONG])
def test_what_may_be_done_and_what_is_wrong_is_asked_once(failure: SqlError) -> None:
    played = Played(failure)
    with pytest.raises(SqlError, match=str(failure)):
        played.ask()
    assert len(played.asked) == 1


def test_no_wait_goes_beyond_the_time() -> None:
    played = Played(*[BUSY] * TRIES)
    with pytest.raises(SqlError, match="locked"):
        played.ask(250)
    assert played.now == 100
