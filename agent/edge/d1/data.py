"""D1 as the database of the capability `database`: one crossing there, one back.

Unlike in `database.py`, a statement whose outcome is unknown is not retried: these are statements
of users, which need not be idempotent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pyodide.ffi import run_sync

from agent.core.capabilities.sql.data import SqlError, Table
from agent.core.capabilities.sql.values import SqlValue
from agent.edge.d1.errors import meaning_of
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/d1/data.js"
LATE = "no answer within"  # of data.js
# Removed from messages: offsets in the rewritten text, and codes that repeat the message.
_NOISE = re.compile(r"^D1_ERROR: | at offset \d+|: SQLITE_[A-Z_]+( \(extended: [A-Z_]+\))?$")


class EdgeData:
    """The users' database in one request, over a D1 binding."""

    def __init__(self, binding: JsObject) -> None:
        self._binding = binding

    def run(
        self,
        sql: str,
        params: Sequence[Sequence[SqlValue]],
        reads: bool,
        most: int,
        within_ms: float,
    ) -> Table:
        ask = module(MODULE).ask
        text = json.dumps([sql, params])
        answer = json.loads(str(run_sync(ask(self._binding, text, reads, round(within_ms), most))))
        if "error" in answer:
            raise _error(str(answer["error"]))
        if reads and answer["took"] > within_ms:  # timers do not fire while the runtime computes
            raise _error(f"{LATE} {within_ms:.0f} ms")
        columns, rows, changes = answer["columns"], answer["rows"], answer["changes"]
        return Table(columns, rows, changes, answer["cut"], answer["took"], answer["meta"])


def _error(message: str) -> SqlError:
    passes, is_undone = meaning_of(message)
    return SqlError(_NOISE.sub("", message), passes, is_undone, message.startswith(LATE))
