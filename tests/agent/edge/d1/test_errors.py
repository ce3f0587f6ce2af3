"""What D1's messages mean, by a table of those that there are."""

from __future__ import annotations

import pytest

from agent.edge.d1.errors import Meaning, meaning_of

MISTAKE, PASSES, UNDONE = Meaning(False, True), Meaning(True, False), Meaning(True, True)
MESSAGES = [
    ("no such table: jobs: SQLITE_ERROR", MISTAKE),
    ('near "SELEC": syntax error at offset 0: SQLITE_ERROR', MISTAKE),
    ("UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT", MISTAKE),
    ("NOT NULL: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)", MISTAKE),
    ("UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT_UNIQUE", MISTAKE),
    ("datatype mismatch: SQLITE_MISMATCH", MISTAKE),
    ("string or blob too big: SQLITE_TOOBIG", MISTAKE),
    ("not authorized: SQLITE_AUTH", MISTAKE),
    ("Wrong number of parameter bindings for SQL query.", MISTAKE),
    ("No SQL statements detected.", MISTAKE),
    ("no such table: jobs", MISTAKE),
    ('near "SELEC": syntax error at offset 0', MISTAKE),
    ("CHECK constraint failed: a > 0", MISTAKE),
    ("FOREIGN KEY constraint failed", MISTAKE),
    ("database is locked: SQLITE_BUSY", UNDONE),
    ("database is locked: SQLITE_BUSY (extended: SQLITE_BUSY_SNAPSHOT)", UNDONE),
    ("database table is locked: SQLITE_LOCKED", UNDONE),
    ("database or disk is full: SQLITE_FULL", UNDONE),
    ("D1 DB is overloaded. Too many requests queued.", UNDONE),
    ("disk I/O error: SQLITE_IOERR", PASSES),
    ("interrupted: SQLITE_INTERRUPT", PASSES),
    ("out of memory: SQLITE_NOMEM", PASSES),
    ("Network connection lost.", PASSES),
    ("Exceeded maximum DB size.", PASSES),
    ("D1 DB storage operation exceeded timeout which caused object to be reset.", PASSES),
    ("whatever D1 may say next year", PASSES),
]


@pytest.mark.parametrize(("message", "meaning"), MESSAGES)
def test_what_messages_mean(message: str, meaning: Meaning) -> None:
    assert meaning_of(f"D1_ERROR: {message}") == meaning


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("D1_TYPE_ERROR: Type 'bigint' not supported for value '1'", MISTAKE),
        ("D1_EXEC_ERROR: Error in line 1: SELECT: sql error", MISTAKE),
        ("D1_COLUMN_NOTFOUND: Column not found", MISTAKE),
        ("internal error; reference = 0123456789", PASSES),
        ("no answer within 5000 ms", PASSES),
        ("", PASSES),
    ],
)
def test_what_has_another_beginning(message: str, meaning: Meaning) -> None:
    assert meaning_of(message) == meaning


@pytest.mark.parametrize(
    "name", ["database is locked: SQLITE_BUSY", "D1 DB is overloaded", "Network connection lost"]
)
def test_a_name_in_a_message_does_not_make_it_pass(name: str) -> None:
    assert meaning_of(f"D1_ERROR: no such table: {name}: SQLITE_ERROR") == MISTAKE
