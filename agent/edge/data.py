"""D1 as the database of the capability `database`: one crossing there, one back.

Unlike `d1.py` nothing is tried again: that one runs only statements that may be repeated, and
these are anybody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pyodide.ffi import run_sync
from workers import import_from_javascript

from agent.core.capabilities.database import SqlError, Table
from agent.core.capabilities.values import Value
from agent.edge.bridge import JsObject
from agent.edge.d1 import PASSING

MODULE = "agent/edge/data.js"
WITHIN_MS = 30_000  # D1 ends a query of its own accord after as long
LATE = "no answer within"
# D1 was too busy to begin.
UNDONE = "D1 DB is overloaded"
# Of no use: the place in a text that is not the user's alone, and codes that say it again.
_NOISE = re.compile(r"^D1_ERROR: | at offset \d+|: SQLITE_[A-Z_]+( \(extended: [A-Z_]+\))?$")


class EdgeData:
    """Of one request, over a D1 binding."""

    def __init__(self, binding: JsObject) -> None:
        self._binding = binding

    def run(self, sql: str, params: Sequence[Sequence[Value]], reads: bool, most: int) -> Table:
        ask = import_from_javascript(MODULE).ask
        asked = json.dumps([sql, params])
        answer = json.loads(str(run_sync(ask(self._binding, asked, reads, WITHIN_MS, most))))
        if "error" in answer:
            raise _error(str(answer["error"]))
        columns, rows, changes = answer["columns"], answer["rows"], answer["changes"]
        return Table(columns, rows, changes, answer["cut"], answer["took"], answer["meta"])


def _error(message: str) -> SqlError:
    passes = any(text in message for text in (*PASSING, LATE))
    return SqlError(_NOISE.sub("", message), passes, UNDONE in message)
