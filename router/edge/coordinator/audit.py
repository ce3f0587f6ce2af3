"""The Coordinator's audit log in its database: what was done, by whom and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from policies.basics.untyped import Parsed
from router.edge.coordinator.collaborators import Sql
from router.edge.isolate.keeper import Log

if TYPE_CHECKING:
    from policies.api.drills import DrillEvent
    from policies.api.rollouts import RolloutEvent

    Event = DrillEvent | RolloutEvent

MAX_EVENTS = 10_000  # a drill has two, a rollout about a dozen
_TABLE = "CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT)"
_ADD = "INSERT INTO audit (event) VALUES (?)"
_FORGET = "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?"
_NEWEST = "SELECT event FROM audit ORDER BY id DESC LIMIT ?"
_OF_ROLLOUT = (
    "SELECT event FROM audit WHERE json_extract(event, '$.rollout') = ? ORDER BY id DESC LIMIT ?"
)


class Audit:
    """Events, as JSON."""

    def __init__(self, sql: Sql, log: Log) -> None:
        self._sql, self._log = sql, log
        self._sql.exec(_TABLE)

    def add(self, events: Iterable[Event]) -> None:
        """Record events, also in the Worker's log."""
        added = False
        for event in events:
            self._log(event["event"], {**event})
            self._sql.exec(_ADD, json.dumps(event))
            added = True
        if added:
            self._sql.exec(_FORGET, MAX_EVENTS)

    def newest(self, number: int) -> list[Event]:
        """The newest first."""
        return self._read(_NEWEST, number)

    def of_rollout(self, name: str, number: int) -> list[RolloutEvent]:
        return self._read(_OF_ROLLOUT, name, number)

    def _read(self, query: str, *bindings: object) -> list[Parsed]:
        rows = self._sql.exec(query, *bindings).toArray()
        return [json.loads(str(row.event)) for row in rows]
