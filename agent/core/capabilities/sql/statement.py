"""One statement of SQL, read closely enough to know that it is one, and whether it only reads.

D1 runs every statement of a text, one after the other, so anything behind a `;` is refused. Tokens
are SQLite's, except where its reading is unusual: named variables (`$a(…)` swallows quotes), NUL
and unterminated tokens are refused. A statement that only reads begins with SELECT, VALUES or WITH,
and has none of the words that every change needs: they are reserved, so no unquoted name equals
them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agent.core.capabilities.sql.recursion import bounded
from agent.core.capabilities.sql.tokens import TOKEN, Token
from agent.core.refused import Refused

MAX_SQL = 90_000  # bytes: D1 takes 100,000, and `limited` adds a little
READING = ("SELECT", "VALUES", "WITH")
CHANGING = ("INSERT", "REPLACE", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP")
CHANGES = {"INSERT", "INTO", "UPDATE", "DELETE"}
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


class SqlStatement(NamedTuple):
    """`text`: the statement alone, its recursion bounded; `is_plan`: it is an EXPLAIN."""

    text: str
    reads: bool
    is_plan: bool = False


def read_statement(sql: str) -> SqlStatement:
    """Raises `Refused`."""
    if len(sql.encode("utf-8", "surrogatepass")) > MAX_SQL:
        raise Refused(f"`sql` has more than {MAX_SQL:,} bytes; pass values as `params`")
    if found := _FORBIDDEN.search(sql):
        raise Refused(f"`sql` has NUL, or half a character: {_place(sql, found.start())}")
    tokens = _one(sql)
    words = [token.word for token in tokens if token.word]
    first = words[0] if words else ""
    explains = first == "EXPLAIN"
    if explains:
        words = words[3:] if words[1:3] == ["QUERY", "PLAN"] else words[1:]
        first = words[0] if words else ""
    reads = first in READING and CHANGES.isdisjoint(words)
    if explains and not reads:
        raise Refused("EXPLAIN is for statements that read: SELECT, VALUES or WITH")
    if not reads and first not in (*CHANGING, "WITH"):
        raise Refused(
            f"`sql` begins with {first[:40] or 'no word'}; it is a statement of "
            f"{', '.join((*READING, *CHANGING))}"
        )
    begin, end = (tokens[0].place, tokens[-1]) if tokens else (0, Token("", "", 0))
    text = sql[begin : end.place + len(end.text)]
    near = [token._replace(place=token.place - begin) for token in tokens]
    return SqlStatement(bounded(text, near), reads, explains)


def limited(statement: SqlStatement, rows: int) -> str:
    """The statement with a limit of so many rows."""
    if statement.is_plan or not statement.reads:
        return statement.text
    return f"SELECT * FROM (\n{statement.text}\n) LIMIT {rows}"


def _one(sql: str) -> list[Token]:
    """The tokens of the one statement."""
    tokens, depth, ended = list[Token](), 0, False
    for found in TOKEN.finditer(sql):
        kind = found.lastgroup or ""
        if kind == "space":
            continue
        if kind == "end":
            ended = True
            continue
        if ended:
            raise Refused(f"`sql` is more than one statement: {_place(sql, found.start())}")
        depth += (kind == "open") - (kind == "close")
        if wrong := _wrong(found[0], kind, depth):
            raise Refused(f"{wrong}: {_place(sql, found.start())}")
        tokens.append(Token(found[0], kind, found.start()))
    if depth:
        raise Refused(f"`sql` opens {depth} more parentheses than it closes")
    return tokens


def _wrong(token: str, kind: str, depth: int) -> str:
    if kind == "unended":
        return f"what begins with {token} does not end"
    if kind == "named":
        return f"parameters are `?` or `?1`, not {token}…"
    if depth < 0:
        return "a parenthesis is closed that was not opened"
    if kind == "word" and "\ufeff" in token:  # SQLite may read it as a space
        return "there is an invisible mark (U+FEFF)"
    return ""


def _place(sql: str, at: int) -> str:
    before = sql[:at]
    return f"line {before.count(chr(10)) + 1}, column {at - before.rfind(chr(10))}"
