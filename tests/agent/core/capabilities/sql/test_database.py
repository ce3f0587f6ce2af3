"""The capability `database` over SQLite: scopes, limits, values, and what failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.capabilities.sql.data import SqlError, Table
from agent.core.capabilities.sql.database import (
    MAX_RESULT,
    MAX_ROWS,
    READ,
    WRITE,
    names_apart,
    run_sql,
)
from agent.core.capabilities.sql.values import MAX_PARAMS, MAX_TIMES
from agent.core.refused import Refused, Unavailable
from tests.support.examples import examples

BOTH = frozenset({READ, WRITE})


class FakeData:
    """SQLite with a table `t` of three rows, or a failure."""

    def __init__(self, failure: SqlError | None = None) -> None:
        self.ran, self.within = list[str](), list[float]()
        self.failure = failure
        self.database = sqlite3.connect(":memory:")
        self.database.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)")

    def run(
        self, sql: str, params: Sequence[Sequence[Any]], reads: bool, most: int, within_ms: float
    ) -> Table:
        self.ran.append(sql)
        self.within.append(within_ms)
        if self.failure:
            raise self.failure
        changes = self.database.total_changes
        try:
            for values in params:
                found = self.database.execute(sql, values)
        except sqlite3.OperationalError as error:
            raise SqlError(str(error), False, True) from error
        columns = [each[0] for each in found.description or ()]
        rows = [list(row) for row in found.fetchall()]
        return Table(columns, rows, self.database.total_changes - changes, False, 0.25)


class Tools(NamedTuple):
    data: FakeData
    scopes: frozenset[str] = BOTH


def refused(sql: str, scopes: frozenset[str] = BOTH, **more: Any) -> Refused:
    data = FakeData()
    with pytest.raises(Refused) as found:
        run_sql({"sql": sql, **more}, Tools(data, scopes))
    assert data.ran == []
    data.database.close()
    return found.value


@pytest.fixture
def data() -> Any:
    made = FakeData()
    yield made
    made.database.close()


def test_reading_and_changing(data: FakeData) -> None:
    told = run_sql({"sql": "SELECT a FROM t WHERE a > ?", "params": [1]}, Tools(data))
    assert told == {
        "columns": ["a"],
        "rows": [[2], [3]],
        "row_count": 2,
        "changes": 0,
        "truncated": False,
        "took_ms": 0.25,
    }
    told = run_sql({"sql": "INSERT INTO t VALUES (?)", "params": [[4], [5]]}, Tools(data))
    assert (told["changes"], told["rows"]) == (2, [])
    assert run_sql({"sql": "SELECT sum(a) FROM t"}, Tools(data))["rows"] == [[15]]


def test_a_query_gives_objects_and_meta_beside_the_table(data: FakeData) -> None:
    sql = "SELECT a, a * 2 AS b, a FROM t WHERE a > ?"
    told = run_sql({"query": sql, "params": [2]}, Tools(data))
    assert told["data"] == [{"a": 3, "b": 6, "a:1": 3}]
    assert told["meta"] == {"duration": 0.25, "changes": 0, "changed_db": False}
    assert {**told, "data": 0, "meta": 0} == {
        **run_sql({"sql": sql, "params": [2]}, Tools(data)),
        "data": 0,
        "meta": 0,
    }
    told = run_sql({"query": "INSERT INTO t VALUES (4)"}, Tools(data))
    assert (told["data"], told["meta"]["changes"], told["meta"]["changed_db"]) == ([], 1, True)


@given(st.lists(st.sampled_from(["a", "b", "a:1", "a:2", "a:1:1", ""]), max_size=12))
@examples(100)
def test_columns_become_names_that_are_apart(columns: list[str]) -> None:
    names = names_apart(columns)
    assert len(set(names)) == len(columns) == len(names)
    for at, (name, column) in enumerate(zip(names, columns, strict=True)):
        assert name.startswith(column)
        assert (name == column) == (column not in columns[:at])


def test_long_names_do_not_make_rows_too_many(data: FakeData) -> None:
    """Each object repeats the names of the columns."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)"
    told = run_sql({"query": f"{numbers} SELECT i AS {'x' * 80_000} FROM n"}, Tools(data))
    assert (told["row_count"], told["truncated"]) == (MAX_RESULT // 2 // 80_004, True)


@pytest.mark.parametrize(("most", "rows", "truncated"), [(2, 2, True), (3, 3, False)])
def test_rows_end_at_the_limit(data: FakeData, most: int, rows: int, truncated: bool) -> None:
    told = run_sql({"sql": "SELECT a FROM t", "max_rows": most}, Tools(data))
    assert (told["row_count"], told["truncated"]) == (rows, truncated)


def test_a_reader_s_statement_is_looked_at_before_it_runs(data: FakeData) -> None:
    reader = Tools(data, frozenset({READ}))
    assert run_sql({"sql": "SELECT a FROM t WHERE a = ?", "params": [2]}, reader)["rows"] == [[2]]
    assert [sql.startswith("EXPLAIN SELECT * FROM (") for sql in data.ran] == [True, False]
    assert run_sql({"sql": "EXPLAIN QUERY PLAN SELECT a FROM t"}, reader)["row_count"] == 1


def test_a_program_that_writes_is_not_run(monkeypatch: pytest.MonkeyPatch, data: FakeData) -> None:
    """Whatever the words were taken for."""
    monkeypatch.setattr("agent.core.capabilities.sql.statement.CHANGES", set())
    monkeypatch.setattr("agent.core.capabilities.sql.database.limited", lambda given, _: given.text)
    for text in (
        "WITH c AS (SELECT 9) INSERT INTO t SELECT * FROM c",
        "WITH c AS (SELECT 9) DELETE FROM t RETURNING a",
        "WITH c AS (SELECT 9) UPDATE t SET a = 0 WHERE 0",
    ):
        with pytest.raises(Refused, match="may write"):
            run_sql({"sql": text}, Tools(data, frozenset({READ})))
    assert all(sql.startswith("EXPLAIN ") for sql in data.ran)


@pytest.mark.parametrize(
    ("sql", "scopes", "needed"),
    [
        ("SELECT 1", set(), READ),
        ("SELECT 1", {WRITE, "database", "read"}, READ),
        ("DELETE FROM t", {READ}, WRITE),
        ("WITH c AS (SELECT 1) DELETE FROM t", {READ}, WRITE),
    ],
)
def test_scopes(sql: str, scopes: set[str], needed: str) -> None:
    why = refused(sql, frozenset(scopes))
    assert why.more == {"scope": needed}
    assert f"no scope `{needed}`" in str(why)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"sql": 1}, "`sql` is missing or not text"),
        ({"query": 1}, "`sql` and `query` are the same"),
        ({"max_rows": 0}, f"from 1 to {MAX_ROWS:,}"),
        ({"max_rows": True}, "`max_rows` is a whole number"),
        ({"params": {"a": 1}}, "`params` is a list"),
        ({"params": [[1]]}, "are for statements that change something"),
        ({"params": [1] * (MAX_PARAMS + 1)}, "100 are allowed"),
        ({"params": [2**53 + 1]}, "`params[0]` is beyond 2**53"),
        ({"params": [0, float("inf")]}, "`params[1]` is no value of SQL"),
        ({"params": ["\ud800"]}, "`params[0]` is no value of SQL"),
        ({"params": [{"base64": "x"}]}, "`params[0]` is no value of SQL"),
        ({"params": [{"base64": "AA==", "b": 1}]}, "`params[0]` is no value of SQL"),
    ],
)
def test_what_is_refused(more: dict[str, Any], why: str) -> None:
    assert why in str(refused(**{"sql": "SELECT ?", **more}))


def test_lists_of_params_that_are_refused() -> None:
    sql = "INSERT INTO t VALUES (?)"
    assert "`params[1]` is no list" in str(refused(sql, params=[[1], 2]))
    assert "100 are allowed" in str(refused(sql, params=[[1]] * (MAX_TIMES + 1)))
    assert "`params[1][0]` is no value" in str(refused(sql, params=[[1], [[2]]]))


def test_numbers_that_were_rounded_are_told(data: FakeData) -> None:
    sql = f"SELECT {2**53 - 1} AS a, {2**53} AS b, {-(2**60)} AS c, 1e300 AS d"
    assert run_sql({"sql": sql}, Tools(data))["rounded"] == ["b", "c"]


@pytest.mark.parametrize(
    ("sql", "passes", "is_undone", "failure"),
    [
        ("SELECT 1", False, False, Refused),
        ("DELETE FROM t", False, False, Refused),
        ("SELECT 1", True, False, Unavailable),
        ("DELETE FROM t", True, True, Unavailable),
    ],
)
def test_what_failures_mean(
    sql: str, passes: bool, is_undone: bool, failure: type[Exception]
) -> None:
    data = FakeData(SqlError("no such luck", passes, is_undone))
    with pytest.raises(failure, match="no such luck"):
        run_sql({"sql": sql}, Tools(data))
    assert len(data.ran) == 1
    data.database.close()


def test_a_change_that_nobody_knows_of_is_not_tried_again() -> None:
    data = FakeData(SqlError("Network connection lost", True, False))
    with pytest.raises(Refused, match="look before you try again") as found:
        run_sql({"sql": "DELETE FROM t"}, Tools(data))
    assert found.value.more == {"is_done": "unknown"}
    data.database.close()


def test_an_answer_is_waited_for_as_long_as_was_said() -> None:
    data = FakeData(SqlError("no answer within 200 ms", True, False, is_late=True))
    with pytest.raises(
        Unavailable, match=r"no answer within 200 ms: .* `timeout_ms` .up to 30,000"
    ):
        run_sql({"sql": "SELECT 1", "timeout_ms": 200}, Tools(data))
    assert "from 100 to 30,000" in str(refused("SELECT 1", timeout_ms=50))
    with pytest.raises(Refused, match="nobody knows whether the change was made"):
        run_sql({"sql": "DELETE FROM t", "timeout_ms": 200}, Tools(data))
    assert data.within == [200, 200]
    data.database.close()


def test_recursion_that_runs_away_is_refused(
    monkeypatch: pytest.MonkeyPatch, data: FakeData
) -> None:
    monkeypatch.setattr("agent.core.capabilities.sql.recursion.MAX_RECURSION", 100)
    sql = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    for scopes in (BOTH, frozenset({READ})):
        with pytest.raises(Refused, match="end it with WHERE, or with a LIMIT"):
            run_sql({"sql": sql}, Tools(data, scopes))
