"""A KV, a clone's memory of it, and a router, for the commands about publishing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.publishing import edge
from router.publishing.base import Base
from tests.router.drill.standin import KEY, StandIn, stand_in
from tests.router.publishing.making import FakeKv, commands_use


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return Base(tmp_path / "state" / "base")


@pytest.fixture
def kv(base: Base) -> Iterator[FakeKv]:
    kv = FakeKv()
    with commands_use(kv, base):
        yield kv


@pytest.fixture
def waited_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A router that serves a policy of its own, until a test says otherwise."""
    monkeypatch.setenv("ROUTER_ADMIN_KEY", KEY)
    monkeypatch.setattr(edge, "EVERY_S", 0.001)
    with stand_in() as server:
        yield server
