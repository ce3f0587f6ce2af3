"""What is taken for one statement that reads is one, and does not write: SQLite is asked."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.capabilities.sql.statement import MAX_SQL, SqlStatement, limited, read_statement
from agent.core.refused import Refused
from tests.support.examples import examples

READS = [
    "SELECT 1",
    "select 1;",
    "  /* a; b */ SELECT 'a;b', \"c;d\", [e;f], `g;h` -- ; DROP TABLE t\n ; -- done",
    "VALUES (1), (2)",
    "WITH c AS (SELECT 1) SELECT * FROM c",
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3) SELECT n FROM c",
    "SELECT replace('a', 'a', 'b')",
    "WITH c AS (SELECT 1) SELECT replace('INSERT INTO', 'a', 'b')",
    "SELECT 'it''s', x'00ff', ?1, ?",
    'SELECT "update", [insert into] FROM t',
    "SELECT 1 - -1, 4 / 2 * 3",
    "EXPLAIN SELECT 1",
    "EXPLAIN QUERY PLAN SELECT 1",
]
CHANGES = [
    "INSERT INTO t VALUES (1)",
    "REPLACE INTO t VALUES (1)",
    "insert into t values (1) returning *",
    "UPDATE t SET a = (SELECT 1)",
    "DELETE FROM t",
    "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
    "WITH c AS (SELECT 1) REPLACE INTO t SELECT * FROM c",
    "WITH c AS (SELECT 1)/**/DELETE/**/FROM t",
    "WITH c AS (SELECT 1)\rUPDATE t SET a = 1",
    "/* SELECT */ DELETE FROM t",
    "-- SELECT\nDROP TABLE t",
    "CREATE TABLE u (a)",
    "ALTER TABLE t ADD b",
]
REFUSED = [
    ("SELECT 1; SELECT 2", "more than one statement: line 1, column 11"),
    ("SELECT 1;\n DROP TABLE t", "more than one statement: line 2, column 2"),
    ("; SELECT 1", "more than one statement"),
    ("SELECT 1 \0; DROP TABLE t", "NUL, or half a character: line 1, column 10"),
    ("SELECT '\ud800'", "NUL, or half a character"),
    ("SELECT 1 /* no end", "what begins with /* does not end"),
    ("SELECT 1 /*/", "what begins with /* does not end"),
    ("SELECT 'no end", "what begins with ' does not end"),
    ('SELECT "no end', 'what begins with " does not end'),
    ("SELECT [no end", "what begins with [ does not end"),
    ("SELECT `no end", "what begins with ` does not end"),
    ("SELECT $a('), 1; DROP TABLE t --')", "parameters are `?` or `?1`, not $…"),
    ("SELECT :a", "parameters are"),
    ("SELECT @a", "parameters are"),
    ("SELECT #1", "parameters are"),
    ("SELECT 1) UNION SELECT (2", "closed that was not opened"),
    ("SELECT (1", "opens 1 more parentheses"),
    ("WITH c AS (SELECT 1)\ufeffDELETE FROM t", "invisible mark"),
    ("PRAGMA foreign_keys = 0", "begins with PRAGMA"),
    ("EXPLAIN PRAGMA foreign_keys = 0", "EXPLAIN is for statements that read"),
    ("EXPLAIN DELETE FROM t", "EXPLAIN is for statements that read"),
    ("EXPLAIN EXPLAIN SELECT 1", "EXPLAIN is for statements that read"),
    ("ATTACH 'x' AS y", "begins with ATTACH"),
    ("DETACH y", "begins with DETACH"),
    ("VACUUM INTO 'x'", "begins with VACUUM"),
    ("BEGIN", "begins with BEGIN"),
    ("COMMIT", "begins with COMMIT"),
    ("SAVEPOINT a", "begins with SAVEPOINT"),
    ("REINDEX", "begins with REINDEX"),
    ("ANALYZE", "begins with ANALYZE"),
    ("CREATE TRIGGER a AFTER INSERT ON t BEGIN DELETE FROM t; END", "more than one statement"),
    ("(SELECT 1); x", "more than one statement"),
    ("", "begins with no word"),
    (" -- nothing\n;", "begins with no word"),
    ("SELECT '" + "x" * MAX_SQL + "'", "more than 90,000 bytes"),
]
PIECES = [
    *("SELECT ", "VALUES ", "WITH ", "EXPLAIN ", "REPLACE ", "INSERT INTO t ", "DELETE FROM t "),
    *("UPDATE t SET a = 1 ", "DROP TABLE t ", "c AS (SELECT 1) ", "RECURSIVE ", "* FROM t ", "t "),
    *("RETURNING a ", "a ", "1 ", "(1) ", "(", ")", ",", ";", "'", '"', "`", "[", "]", "--", "\n"),
    *("/*", "*/", "*", "/", "-", "x'", "x'00'", "$a(", "?1", "?", "\0", "\ufeff", "\x0b", "é", "1"),
    *(
        "INTO ",
        "PRAGMA user_version = 7 ",
        "UNION ",
        "replace(1, 2, 3) ",
        "''",
        "$",
        "\\",
        "VALUES (1)",
    ),
]
SEEDS = st.sampled_from([*READS, *CHANGES, ""])
READING = {
    *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION),
    sqlite3.SQLITE_RECURSIVE,
}


def watched(asked: set[int]) -> sqlite3.Connection:
    """A database that notes what it is asked for, and does nothing but reading."""

    def allow(action: int, *_: object) -> int:
        asked.add(action)
        return sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY

    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("CREATE TABLE t (a)")
    database.set_authorizer(allow)
    return database


ASKED = set[int]()
DATABASE = watched(ASKED)


def actions(sql: str) -> set[int]:
    """What SQLite is asked for by a text, which is one statement, or none."""
    ASKED.clear()
    said = ""
    try:
        DATABASE.execute(sql, [1] * sql.count("?")).close()
    except sqlite3.DatabaseError as error:
        said = str(error)
    assert "one statement at a time" not in said, sql
    return set(ASKED)


@pytest.mark.parametrize("sql", READS)
def test_statements_that_read(sql: str) -> None:
    assert read_statement(sql).reads


@pytest.mark.parametrize("sql", CHANGES)
def test_statements_that_change_something(sql: str) -> None:
    assert not read_statement(sql).reads


@pytest.mark.parametrize(("sql", "why"), REFUSED, ids=lambda value: value[:30])
def test_what_is_refused(sql: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        read_statement(sql)
    assert why in str(refused.value)


@examples(300)
@given(SEEDS, st.lists(st.sampled_from(PIECES), max_size=8).map("".join), SEEDS)
@example("WITH c AS (SELECT 1) ", "INSERT INTO t VALUES (1)", "")
@example("SELECT $a('), * FROM t; DELETE FROM t --", "')", "")
@example("SELECT 1 ", "\0", "; DELETE FROM t")
def test_what_reads_does_not_write(before: str, between: str, after: str) -> None:
    try:
        statement = read_statement(before + between + after)
    except Refused:
        return
    for text in (statement.text, limited(statement, 10)):
        found = actions(text)  # which also fails for two statements in one
        assert not statement.reads or found <= READING


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert read_statement(text).text in text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b FROM t ORDER BY b DESC, a",
        "SELECT a, b FROM t ORDER BY a LIMIT 7 OFFSET 1",
        "SELECT b, a FROM t GROUP BY b ORDER BY count(*), b -- the last",
        "SELECT a, a FROM t UNION SELECT b, b FROM t ORDER BY 1 DESC",
        "WITH c AS (SELECT a FROM t ORDER BY b) SELECT a FROM c ORDER BY -a",
        "VALUES (3), (1), (2)",
    ],
)
def test_a_limit_keeps_order_and_values(sql: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (a, b)")
    database.executemany("INSERT INTO t VALUES (?, ?)", [(n * 7 % 20, n % 5) for n in range(20)])
    whole = database.execute(sql).fetchall()
    statement = read_statement(sql)
    for most in (1, 2, 5, 100):
        assert database.execute(limited(statement, most)).fetchall() == whole[:most]
    database.close()


def test_plans_and_changes_are_left_as_they_are() -> None:
    assert limited(SqlStatement("EXPLAIN SELECT 1", True, True), 5) == "EXPLAIN SELECT 1"
    assert limited(SqlStatement("DELETE FROM t", False), 5) == "DELETE FROM t"
