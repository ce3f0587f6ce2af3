"""The capability `database`: one statement of SQL on the tables of the agent's users.

`{"sql": …, "params"?: […] | [[…], …], "max_rows"?: …, "timeout_ms"?: …}`. With `query` in place of
`sql` the result also has the rows as objects, and D1's metadata: `data` and `meta`. Values are
bound, never written into the text. Reading needs the scope `database:read`, anything else
`database:write`; that a statement only reads is decided by its words, and for a key that may not
write by SQLite itself, too: its program, which EXPLAIN shows, must open nothing for writing.

The agent waits for the answer until `timeout_ms`, and recursion has a limit of rows
(`recursion.py`), since a running statement cannot be stopped. A change without an answer may have
been made, so it is not retried.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from agent.core.capabilities.sql.data import Data, SqlError, Table
from agent.core.capabilities.sql.recursion import MAX_RECURSION, RUNAWAY
from agent.core.capabilities.sql.statement import SqlStatement, limited, read_statement
from agent.core.capabilities.sql.values import LARGEST, SqlValue, checked_params
from agent.core.fields import check_known, whole
from agent.core.fields import text as text_of
from agent.core.refused import Refused, Unavailable
from workers_runtime.json_text import JsonObject

READ, WRITE = "database:read", "database:write"
MAX_ROWS, USUAL_ROWS = 10_000, 1_000
MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 100, 30_000  # D1 itself ends a query after 30 s
TIMEOUT_MS = 5_000
MAX_RESULT = 2_000_000  # characters of JSON; a row of D1 has at most 2 MB
MAX_PLAN = 4_000_000  # the same, of the longest program that is looked at
FIELDS = ("sql", "query", "params", "max_rows", "timeout_ms")
# Instructions of SQLite's virtual machine that write; `Transaction` does if its p2 is not 0.
WRITING = frozenset(
    {
        *("AutoCommit", "Checkpoint", "CreateBtree", "Destroy", "DropIndex", "DropTable"),
        *("DropTrigger", "Expire", "IncrVacuum", "JournalMode", "LoadAnalysis", "OpenWrite"),
        *("ParseSchema", "Savepoint", "SetCookie", "SqlExec", "Vacuum", "VCreate", "VDestroy"),
        *("VRename", "VUpdate"),
    }
)
TOO_RECURSIVE = (
    f"the recursion makes more than {MAX_RECURSION:,} rows: end it with WHERE, or with a LIMIT"
)
TOO_SLOW = (
    "no answer within {:,} ms: the statement reads too much, or the database is busy with others; "
    f"read less, use an index, or allow more with `timeout_ms` (up to {MAX_TIMEOUT_MS:,})"
)


class DatabaseTools(Protocol):
    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def data(self) -> Data: ...


def run_sql(given: dict[str, object], tools: DatabaseTools) -> dict[str, object]:
    """Raises `Refused` or `Unavailable`."""
    check_known(given, FIELDS)
    most = whole(given, "max_rows", USUAL_ROWS, 1, MAX_ROWS)
    within_ms = whole(given, "timeout_ms", TIMEOUT_MS, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
    if "sql" in given and "query" in given:
        raise Refused("`sql` and `query` are the same: send one of them")
    has_objects = "query" in given
    statement = read_statement(text_of(given, "query" if has_objects else "sql"))
    _check_scope(statement, tools.scopes)
    params = checked_params(given.get("params", []), statement.reads)
    if statement.reads and WRITE not in tools.scopes:
        _check_program(statement, params, tools.data, within_ms)
    text = limited(statement, most + 1)  # one more shows whether there are more
    size = MAX_RESULT // 2 if has_objects else MAX_RESULT  # each row is there twice
    table = _run(tools.data, text, params, statement.reads, size, within_ms)
    return _with_objects(table, most, size) if has_objects else _result(table, most)


def _check_scope(statement: SqlStatement, scopes: frozenset[str]) -> None:
    needed = READ if statement.reads else WRITE
    if needed not in scopes:
        doing = "reads" if statement.reads else "changes something"
        raise Refused(f"the statement {doing}, and the key has no scope `{needed}`", scope=needed)


def _check_program(
    statement: SqlStatement, params: list[list[SqlValue]], data: Data, within_ms: int
) -> None:
    if statement.is_plan:
        return  # which is shown and not run, and its words are those of reading
    text = f"EXPLAIN {limited(statement, MAX_ROWS)}"
    table = _run(data, text, params, True, MAX_PLAN, within_ms)
    code, p2 = table.columns.index("opcode"), table.columns.index("p2")
    writes = any(
        row[code] in WRITING or (row[code] == "Transaction" and row[p2] != 0) for row in table.rows
    )
    if writes or table.is_cut:
        raise Refused(f"the statement may write, and the key has no scope `{WRITE}`", scope=WRITE)


def _run(
    data: Data, sql: str, params: list[list[SqlValue]], reads: bool, most: int, within_ms: int
) -> Table:
    try:
        return data.run(sql, params, reads, most, within_ms)
    except SqlError as error:
        if RUNAWAY in str(error):
            raise Refused(TOO_RECURSIVE) from error
        if not error.passes:
            raise Refused(f"the database refuses this: {error}") from error
        if reads and error.is_late:
            raise Unavailable(TOO_SLOW.format(within_ms)) from error
        if reads or error.is_undone:
            raise Unavailable(f"the database is busy, or did not answer: {error}") from error
        raise Refused(
            f"nobody knows whether the change was made: {error}; look before you try again",
            is_done="unknown",
        ) from error


def _result(table: Table, most: int) -> JsonObject:
    rows = table.rows[:most]
    result = {
        "columns": table.columns,
        "rows": rows,
        "row_count": len(rows),
        "changes": table.changes,
        "truncated": table.is_cut or len(table.rows) > most,
        "took_ms": round(table.took_ms, 3),
    }
    rounded = sorted({at for row in rows for at, value in enumerate(row) if _is_rounded(value)})
    return {**result, "rounded": [table.columns[at] for at in rounded]} if rounded else result


def _with_objects(table: Table, most: int, size: int) -> dict[str, object]:
    """The result with `data`: as many rows as objects as fit into `size` characters."""
    names = names_apart(table.columns)
    result = _result(table, min(most, size // len(json.dumps(names))))
    data = [dict(zip(names, row, strict=True)) for row in result["rows"]]
    return {"data": data, "meta": _meta(table), **result}


def names_apart(columns: Sequence[str]) -> list[str]:
    """As names of fields: the second `id` is `id:1`, as SQLite names those of a subquery, unless
    a column is called that."""
    names, taken, seen = list[str](), set(columns), Counter[str]()
    for column in columns:
        name = column
        if seen[column]:
            while name in taken:
                name = f"{column}:{seen[column]}"
                seen[column] += 1
        seen[column] = max(1, seen[column])
        names.append(name)
        taken.add(name)
    return names


def _meta(table: Table) -> dict[str, object]:
    own = {"duration": round(table.took_ms, 3), "changes": table.changes}
    return {**table.meta, **own, "changed_db": table.changes > 0}


def _is_rounded(value: object) -> bool:
    """Whether an integer is so large that JavaScript may have rounded it."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LARGEST
