"""Classifies D1's errors: which are the statement's own fault.

The known mistakes are invalid SQL, violated constraints, values of unsupported types, and values
that are too large. They fail on every attempt. All other errors are temporary or the database's
own, so an unknown message counts as temporary.

A statement that SQLite refused (also with `SQLITE_BUSY`) or that never began has changed nothing.
After other errors that is unknown.
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
# Mistakes without a code, which D1 and the runtime report before SQLite is called.
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
# Messages of older versions of D1, which have no code.
_UNCODED = re.compile(
    r"^(?:D1_ERROR: )?(?:near \".*\": syntax error|no such (?:table|column|function|index)\b"
    r"|[A-Z ]+ constraint failed|not authorized|incomplete input|unrecognized token)",
    re.DOTALL,
)
# D1's queue was full, so the statement never began.
NEVER_BEGUN = ("D1 DB is overloaded",)


class Meaning(NamedTuple):
    """`passes`: a retry may succeed; `is_undone`: certainly nothing was changed."""

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
