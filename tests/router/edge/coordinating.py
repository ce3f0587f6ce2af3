"""A Coordinator in the middle of a world: its storage, its clock, its variants."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from policies.fleet.report import Report, Tally, report_json
from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.object import CoordinatorObject
from router.edge.isolate.store import PolicyStore
from tests.policies.making import compiled
from tests.router.edge.storage import Storage
from tests.support.running import run

START = 1_800_000_000_000


POLICY = {
    "health": {"active": {"path": "/health?deep", "interval": "10s", "expect_body": "well"}},
    "routes": [{"name": "r", "split": {"production": 1}}],
    "variants": {
        "one": {"binding": "ONE", "pool": "production"},
        "two": {
            "binding": "TWO",
            "pool": "production",
            "version": {"worker": "w", "id": "00000000-0000-4000-8000-000000000000"},
        },
    },
}


class Store:
    """The policy store, as far as it is used."""

    def __init__(self) -> None:
        self.policy = compiled(**POLICY)
        self.ready = False
        self.source = "kv"
        self.kv_error: str | None = None
        self.asked = 0
        self.pushed: Any = None  # what KV has
        self.due = False

    def is_due(self, now_ms: float) -> bool:
        return self.due

    async def refresh(self, kv: Any, within_ms: float = 0) -> None:
        self.asked += 1
        self.ready = True
        self.policy = self.pushed or self.policy

    async def keep(self, kv: Any) -> None:
        pass

    refresh_and_keep = refresh


class Rows(list[Any]):
    def toArray(self) -> list[Any]:
        return self


class Sql:
    """A Durable Object's database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.row_factory = sqlite3.Row

    def exec(self, query: str, *bindings: Any) -> Rows:
        rows = self._database.execute(query, bindings).fetchall()
        return Rows(SimpleNamespace(**dict(row)) for row in rows)


class Kv:
    """Workers KV, which may be away."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.is_away = False

    async def get(self, key: str) -> bytes | None:
        if self.is_away:
            raise OSError("KV is away")
        return self.values.get(key)

    async def put(self, key: str, value: bytes) -> None:
        if self.is_away:
            raise OSError("KV is away")
        self.values[key] = value

    async def delete(self, key: str) -> None:
        del self.values[key]


class World:
    """A Coordinator that can be evicted, a clock, and variants that answer as they are told."""

    def __init__(self) -> None:
        self.now = START
        self.storage = Storage()
        self.storage.sql = Sql()
        self.store = Store()
        self.kv = Kv()
        self.asked: list[tuple[Any, ...]] = []  # checks
        self.events: list[str] = []
        self.probes: list[tuple[Any, ...]] = []
        self.answers: dict[str, tuple[int, str] | Exception] = {}
        self.tasks: list[asyncio.Future[None]] = []
        self.rng = Random(1)
        self.evict()

    def evict(self) -> None:
        around = Collaborators(
            storage=self.storage,
            store=cast(PolicyStore, self.store),
            rng=self.rng,
            clock=lambda: float(self.now),
            log=self.log,
            kv=lambda: self.kv,
            probe=self.probe,
            ask=self.ask_service,
            start=self.start,
        )
        self.object = CoordinatorObject(around)

    def log(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append(event)

    async def probe(self, binding: str, *more: Any) -> tuple[int, str]:
        self.probes.append((binding, *more))
        answer = self.answers.get(binding, (200, "all is well"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask_service(self, binding: str, *more: Any) -> tuple[int, str]:
        self.asked.append((binding, *more))
        return await self.probe(binding)

    def start(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def sync(self, version: int = 0, epoch: str | None = None, **more: Tally) -> dict[str, Any]:
        report = Report("ab12", "FRA", epoch, version, "digest", more)
        answer: dict[str, Any] = json.loads(run(self.object.sync(report_json(report))))
        return answer

    def alarm(self) -> None:
        """At the time it was set to, with all that it starts."""

        async def whole() -> None:
            await self.object.alarm()
            await asyncio.gather(*self.tasks)

        at_ms, self.storage.alarm_ms = self.storage.alarm_ms, None
        assert at_ms is not None
        self.now = max(self.now, int(at_ms))
        run(whole())
        self.tasks.clear()

    def until(self, at_ms: int, is_evicted: bool = False) -> None:
        """All alarms before that; between them it may be evicted."""
        while self.storage.alarm_ms is not None and self.storage.alarm_ms < at_ms:
            if is_evicted:
                self.evict()
            self.alarm()
        self.now = at_ms


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World, method: str, *question: Any) -> dict[str, Any]:
    """The answer, when all that it has begun is over."""

    async def whole() -> str:
        answer: str = await getattr(world.object, method)(json.dumps(question))
        await asyncio.gather(*world.tasks)
        return answer

    answer: dict[str, Any] = json.loads(run(whole()))
    world.tasks.clear()
    return answer
