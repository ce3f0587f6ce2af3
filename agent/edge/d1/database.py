"""D1 as a `Database`: statements cross to JavaScript as one string, and so do the answers.

Temporary failures (a lost connection, a database that restarts, is locked or overloaded) are
retried, after waits that double, with full jitter. D1 itself retries only reads: a failed statement
may have been executed. Here all statements may be repeated, since those of the queue are
idempotent: a job is inserted under its key, leased under the poll's ticket, ended under its lease
and attempt. A statement such as `n = n + 1` without such a fence must not run here.

A `Mistake` is never retried: SQL that is wrong, or a value that D1 cannot hold
(`errors.py`). Numbers are JavaScript's: integers up to 2**53, and 2.0 comes back as 2.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence

from agent.edge.d1.errors import meaning_of
from agent.queue.backoff import Backoff
from agent.queue.database import DatabaseUnavailable, Mistake, Rows, Statement, Value
from workers_runtime.json_text import JsonObject, Parsed

Send = Callable[[str], Awaitable[str]]  # `ask` of binding.js, for one binding
Sleep = Callable[[float], Awaitable[None]]  # milliseconds
Rng = Callable[[], float]  # from 0 to 1

TRIES = 6
# Half of it on average: 1.5 s, if all tries fail.
WAITS = Backoff(base_ms=100, most_ms=2_000, least=0.0)
LARGEST = 2**53  # beyond it not every whole number is a JavaScript number


class D1:
    """`send` (`binding.py`), `sleep` and `rng` are passed in."""

    def __init__(self, send: Send, sleep: Sleep, rng: Rng) -> None:
        self._send = send
        self._sleep = sleep
        self._rng = rng

    async def run(self, sql: str, *params: Value) -> Rows:
        return (await self.batch([(sql, params)]))[0]

    async def batch(self, statements: Sequence[Statement]) -> list[Rows]:
        text = json.dumps([[sql, [_out(value) for value in params]] for sql, params in statements])
        for tried in range(1, TRIES + 1):
            answer: JsonObject = json.loads(await self._send(text))
            if "error" not in answer:
                return [Rows([_row(row) for row in rows], n) for rows, n in answer["rows"]]
            error = str(answer["error"])
            if not meaning_of(error).passes:
                raise Mistake(error)
            if tried < TRIES:
                await self._sleep(WAITS.wait_ms(tried, self._rng()))
        raise DatabaseUnavailable(f"{error} (tried {TRIES} times)")


def _out(value: Value) -> object:
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        raise Mistake(f"D1 holds no {value}")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise Mistake(f"D1 holds whole numbers up to 2**53, not {value}")
    return value


def _row(row: dict[str, object]) -> dict[str, Value]:
    return {name: _in(value) for name, value in row.items()}


def _in(value: Parsed) -> Value:
    found: Value = b64decode(value["bytes"]) if isinstance(value, dict) else value
    return found
