"""Retries a statement while the database is busy.

Only a statement that certainly did nothing is retried: it found the database locked, or never
began. So retrying is safe whether it reads or writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.core.capabilities.sql.data import Data, SqlError, Table
from agent.core.capabilities.sql.values import SqlValue
from agent.queue.backoff import Backoff

TRIES = 5
WAITS = Backoff(base_ms=100, most_ms=1_000, least=0.5)  # about 1.1 s, if all tries fail


class PatientData:
    """`pause`: for so many milliseconds; `rng`: from 0 to 1; `clock`: in milliseconds."""

    def __init__(
        self,
        data: Data,
        pause: Callable[[float], None],
        rng: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._data = data
        self._pause = pause
        self._rng = rng
        self._clock = clock

    def run(
        self,
        sql: str,
        params: Sequence[Sequence[SqlValue]],
        reads: bool,
        most: int,
        within_ms: float,
    ) -> Table:
        """`within_ms` is for all attempts together."""
        until = self._clock() + within_ms
        for tried in range(1, TRIES):
            try:
                return self._data.run(sql, params, reads, most, until - self._clock())
            except SqlError as error:
                wait = WAITS.wait_ms(tried, self._rng())
                if not (error.passes and error.is_undone) or self._clock() + wait >= until:
                    raise
            self._pause(wait)
        return self._data.run(sql, params, reads, most, until - self._clock())
