"""Classifies D1's errors: which are the statement's own fault.

Known are the mistakes: SQL that SQLite does not take, a constraint that does not hold, a value that
has no type here, what is too large. They fail again however often they are tried. All others are
temporary or concern the database, and are not the caller's fault. So an unknown message counts as
temporary.

A statement that SQLite refused (`SQLITE_BUSY` among them) or that never began has changed nothing.
After all other errors it is not known.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# D1 puts SQLite's code at the end of a message: `…: SQLITE_CONSTRAINT (extended: …)`.
_CODE = re.compile(r": SQLITE_([A-Z]+)(?:_[A-Z_]+)?(?: \(extended: [A-Z_]+\))?$")
MISTAKEN_CODES = frozenset(
    {"ERROR", "CONSTRAINT", "MISMATCH", "RANGE", "TOOBIG", "AUTH", "PERM", "MISUSE"}
)
# Codes of refusals at the first step of a statement, whose transaction is rolled back.
UNDONE_CODES = frozenset({*MISTAKEN_CODES, "BUSY", "LOCKED", "FULL", "READONLY"})
# Mistakes without a code: what D1 and the runtime say before SQLite is asked.
MISTAKES = (
    "D1_TYPE_ERROR",
    "D1_EXEC_ERROR",
    "D1_COLUMN_NOTFOUND",
    "Wrong number of parameter bindings",
    "No SQL statements detected",
    "SQL code did not contain a statement",
    "A prepared SQL statement must contain only one statement",
    "To execute a transaction, please use",
    "Serialized RPC arguments or return values are limited",
)
# Of older D1s, which give no code; each begins SQLite's own message, or ends it.
_UNCODED = re.compile(
    r"^(?:D1_ERROR: )?(?:near \".*\": syntax error|no such (?:table|column|function|index)\b"
    r"|[A-Z ]+ constraint failed|not authorized|incomplete input|unrecognized token)",
    re.DOTALL,
)
# The queue before the database was full, so it never began.
NEVER_BEGUN = ("D1 DB is overloaded",)


class Meaning(NamedTuple):
    """`passes`: it may go well next time; `is_undone`: surely nothing was changed."""

    passes: bool
    is_undone: bool


MISTAKE = Meaning(passes=False, is_undone=True)


def meaning_of(message: str) -> Meaning:
    if found := _CODE.search(message):
        return Meaning(found[1] not in MISTAKEN_CODES, found[1] in UNDONE_CODES)
    text = message.removeprefix("D1_ERROR: ")
    if text.startswith(MISTAKES) or _UNCODED.match(text):
        return MISTAKE
    return Meaning(True, text.startswith(NEVER_BEGUN))
