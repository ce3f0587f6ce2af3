"""The adapter of D1: what crosses, what is tried again, and how long it waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.edge.d1.database import D1, LARGEST, TRIES
from agent.edge.d1.errors import meaning_of
from agent.queue.database import DatabaseUnavailable, Mistake, Rows, Value
from tests.agent.queue.sqlite import failing, memory

LOST = {"error": "D1_ERROR: Network connection lost."}
FINE = {"rows": [[[{"n": 1}], 0]]}


class Binding:
    """Gives these answers, one after the other, and notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.waits: list[float] = []

    def d1(self, chance: float = 1.0) -> D1:
        async def send(text: str) -> str:
            self.asked.append(text)
            return json.dumps(self.answers.pop(0))

        async def sleep(ms: float) -> None:
            self.waits.append(ms)

        return D1(send, sleep, lambda: chance)


def ask(d1: D1, *params: Value) -> Rows:
    return asyncio.run(d1.run("SELECT ?1 AS n", *params))


def test_a_statement_crosses_once() -> None:
    binding = Binding(FINE)
    assert ask(binding.d1(), 1, None, 1.5, "ä", b"\0\xff") == Rows([{"n": 1}], 0)
    assert [json.loads(text) for text in binding.asked] == [
        [["SELECT ?1 AS n", [1, None, 1.5, "ä", {"bytes": "AP8="}]]]
    ]
    assert binding.waits == []


@pytest.mark.parametrize(
    ("chance", "waits"),
    [(1.0, [100, 200, 400, 800, 1_600]), (0.5, [50, 100, 200, 400, 800]), (0.0, [0] * 5)],
)
def test_what_passes_is_tried_again_with_full_jitter(chance: float, waits: list[int]) -> None:
    binding = Binding(*[LOST] * (TRIES - 1), FINE)
    assert ask(binding.d1(chance), 1).rows == [{"n": 1}]
    assert binding.waits == waits
    assert len(set(binding.asked)) == 1


def test_at_last_it_gives_up() -> None:
    binding = Binding(*[LOST] * TRIES)
    message = r"^D1_ERROR: Network connection lost\. \(tried 6 times\)$"
    with pytest.raises(DatabaseUnavailable, match=message):
        ask(binding.d1(), 1)
    assert len(binding.waits) == TRIES - 1


@pytest.mark.parametrize(
    "error",
    [
        "D1_ERROR: D1 DB reset because its code was updated.",
        "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
        "D1_ERROR: Network connection lost.",
        "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
        "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
        "D1_ERROR: Can't read from request stream because client disconnected.",
        "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
        "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
        "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
        "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
        "D1_ERROR: D1 DB exceeded its CPU time limit and was reset.",
        "D1_ERROR: Failed to parse body as JSON, got: <html>",
        "internal error; reference = 0123456789",
        "D1_ERROR: database is locked: SQLITE_BUSY",
        "D1_ERROR: something that nobody here has met",
    ],
)
def test_errors_that_pass(error: str) -> None:
    binding = Binding({"error": error}, FINE)
    assert ask(binding.d1(), 1).rows == [{"n": 1}]


@pytest.mark.parametrize(
    "error",
    [
        "D1_ERROR: no such table: jobs: SQLITE_ERROR",
        'D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR',
        "D1_ERROR: CHECK constraint failed: priority BETWEEN 0 AND 9: SQLITE_CONSTRAINT",
        "D1_TYPE_ERROR: Type 'bigint' not supported for value '1'",
    ],
)
def test_mistakes_are_not_tried_again(error: str) -> None:
    binding = Binding({"error": error})
    with pytest.raises(Mistake) as raised:
        ask(binding.d1(), 1)
    assert str(raised.value) == error
    assert binding.waits == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), LARGEST + 1, -LARGEST - 1])
def test_what_d1_cannot_hold_does_not_cross(value: Value) -> None:
    binding = Binding(FINE)
    with pytest.raises(Mistake, match=r"^D1 holds "):
        ask(binding.d1(), value)
    assert binding.asked == []


VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.integers(-LARGEST, LARGEST),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.binary(),
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_values_come_back_as_they_were(values: Sequence[Value]) -> None:
    sql = "SELECT " + ", ".join(f"?{n} AS c{n}" for n in range(1, len(values) + 1))
    d1 = failing(memory(), lambda: 1.0, 0.0)
    (row,) = asyncio.run(d1.run(sql, *values)).rows
    assert list(row.values()) == list(values)
    assert [type(value) for value in row.values()] == [type(value) for value in values]


def test_no_mistake_of_sqlite_looks_as_if_it_passed() -> None:
    database = memory()
    for sql in ("SELECT", "SELECT * FROM nobody", "INSERT INTO jobs (id) VALUES (1)"):
        with pytest.raises(Mistake) as raised:
            asyncio.run(database.run(sql))
        assert not meaning_of(str(raised.value)).passes
