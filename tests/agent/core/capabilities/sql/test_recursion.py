"""Recursion ends at a limit with an error, and gives below it what SQLite gives without us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.capabilities.sql import recursion
from agent.core.capabilities.sql.recursion import MAX_RECURSION, RUNAWAY
from agent.core.capabilities.sql.statement import read_statement
from agent.core.refused import Refused

COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
SAME = [
    COUNT.format(9) + "SELECT i FROM n",
    COUNT.format(9) + "SELECT max(i), (SELECT count(*) FROM n) FROM n",
    "with n as (select 1 as i union all select i + 1 from n where i < 9) select i from n",
    "WITH n(i) AS MATERIALIZED (SELECT 1 UNION SELECT i + 1 FROM N WHERE i < 9) SELECT i FROM n",
    'WITH "n o"(i) AS (SELECT 1 UNION SELECT i + 1 FROM [n o] WHERE i < 9 -- end\n) '
    "SELECT i FROM `N O`",
    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT i FROM n",
    "WITH n(i) AS (VALUES (3) UNION ALL SELECT i - 1 FROM n WHERE i > 0 ORDER BY 1) "
    "SELECT i FROM n",
    "WITH a AS (SELECT 1 AS x), n(i) AS (SELECT x FROM a UNION ALL SELECT i + 1 FROM n "
    "WHERE i < 5), b(x, y) AS (SELECT i, i * i FROM n) SELECT * FROM b, n",
    "SELECT a, (WITH n(i) AS (SELECT t.a UNION ALL SELECT i + 1 FROM n WHERE i < 9) "
    "SELECT count(*) FROM n) FROM t",
    "WITH m(j) AS (WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i "
    "FROM n UNION ALL SELECT j + 10 FROM m WHERE j < 30) SELECT j FROM m",
    "WITH tree(id, path) AS (SELECT a, '/' FROM t WHERE a = 1 UNION ALL "
    "SELECT t.a, path || t.a FROM t JOIN tree ON t.a = tree.id + 1) SELECT * FROM tree",
    "WITH a AS (SELECT a FROM t) SELECT a FROM a",
    "SELECT 'WITH n(i) AS (SELECT 1 FROM n)'",
]


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    made.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)")
    yield made
    made.close()


@pytest.mark.parametrize("sql", SAME)
def test_what_stays_below_is_as_it_was(database: sqlite3.Connection, sql: str) -> None:
    expected = database.execute(sql).fetchall()
    assert database.execute(read_statement(sql).text).fetchall() == expected


@pytest.mark.parametrize(
    "sql",
    [
        COUNT.format(10**9) + "SELECT max(i) FROM n",
        COUNT.format(10**9) + "SELECT i FROM n WHERE i = 5000000",
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        'WITH "n" (i) AS NOT MATERIALIZED (SELECT 1 UNION ALL SELECT i + 1 FROM "N") '
        "SELECT count(*) FROM n",
        "SELECT * FROM (WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)",
        "INSERT INTO t WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t, n) SELECT count(*) FROM n",
    ],
)
def test_what_runs_away_is_ended(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setattr(recursion, "MAX_RECURSION", 2_000)
    with pytest.raises(sqlite3.OperationalError, match=RUNAWAY):
        database.execute(read_statement(sql).text).fetchall()
    assert database.execute("SELECT count(*) FROM t").fetchall() == [(3,)]


@given(rows=st.integers(1, 60), most=st.integers(1, 60))
def test_the_limit_is_exact(rows: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recursion, "MAX_RECURSION", most)
        text = read_statement(COUNT.format(rows) + "SELECT count(*) FROM n").text
    with closing(sqlite3.connect(":memory:")) as database:
        if rows <= most:
            assert database.execute(text).fetchall() == [(rows,)]
        else:
            with pytest.raises(sqlite3.OperationalError, match=RUNAWAY):
                database.execute(text).fetchall()


@pytest.mark.parametrize("limit", [str(MAX_RECURSION + 1), "?", "-1", "9 OFFSET 9", "9, 9", "(9)"])
def test_other_limits_are_refused(limit: str) -> None:
    sql = f"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {limit}) SELECT i FROM n"
    with pytest.raises(Refused, match="a LIMIT of recursion is a whole number up to 1,000,000"):
        read_statement(sql)
