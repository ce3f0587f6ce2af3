"""A Durable Object's storage, as far as these objects use it."""

from __future__ import annotations

from typing import Any


class Storage:
    """The little of a Durable Object's storage that the limiter needs."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.writes = 0
        self.alarm_ms: float | None = None
        self.kv = self
        self.sql: Any = None

    def get(self, key: str) -> str | None:
        return self.values.get(key)

    def put(self, key: str, value: str) -> None:
        self.writes += 1
        self.values[key] = value

    async def setAlarm(self, at_ms: float) -> None:
        self.alarm_ms = at_ms

    async def deleteAll(self) -> None:
        self.values.clear()
        self.alarm_ms = None
