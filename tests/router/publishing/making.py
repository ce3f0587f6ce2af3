"""A KV in memory, policies that differ in a word, and pushes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from policies.language.load import digest_of, load
from router.cli import places
from router.dev.kv import Key
from router.dev.layout import SetupError
from router.edge.isolate.keys import POLICY_KEY
from router.publishing.base import Base
from router.publishing.edge import Edge
from router.publishing.place import Place
from router.publishing.publish import Order, Publisher
from router.publishing.published import read
from router.publishing.reporter import SILENT
from router.publishing.write import PolicyChange
from tests.policies.making import policy_text

NOBODY = Edge(None, None, 1.0, "there is none")


class FakeKv:
    """`before` is called with each key that is about to be written, and may fail or write
    itself; `after` when it has been, before that is known to whoever writes."""

    place = "KV of the test"

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.metadata: dict[str, Any] = {}
        self.writes: list[str] = []
        self.was_live: set[str] = set()
        self.before: Callable[[str], None] = lambda key: None
        self.after: Callable[[str], None] = lambda key: None

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None:
        self.before(key)
        self.values[key] = value
        self.metadata[key] = metadata
        self.writes.append(key)
        if key == POLICY_KEY:
            self.was_live.add(digest_of(value))
        self.after(key)

    def list(self, prefix: str) -> list[Key]:
        return [
            Key(key, self.metadata.get(key) or {})
            for key in sorted(self.values)
            if key.startswith(prefix)
        ]

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def failing(at: int) -> Callable[[str], None]:
    """The write number `at`, and all after it, do not happen."""
    count = 0

    def before(key: str) -> None:
        nonlocal count
        count += 1
        if count > at:
            raise SetupError(f"cannot write {key} to KV of the test: it is away")

    return before


def text(name: str, binding: str = "PRODUCTION") -> bytes:
    return policy_text(
        variants={"production": {"binding": binding, "pool": "production"}},
        routes=[{"name": name, "split": {"production": 1}}],
    )


def change(data: bytes, note: str = "") -> PolicyChange:
    return PolicyChange(data, _load(data), note)


_load = cache(load)


@contextmanager
def commands_use(kv: FakeKv, base: Base) -> Iterator[None]:
    """Commands find `kv` where the local one is."""

    @contextmanager
    def place(*_: object) -> Iterator[Place]:
        yield Place(kv, base, 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "local_place", place)
        yield


class Clone:
    """A clone that pushes: what it last knew, and no wish to wait or to be asked."""

    def __init__(self, kv: FakeKv, folder: Path, edge: Edge = NOBODY) -> None:
        self.kv = kv
        self.place = Place(kv, Base(folder / "base"), 0.0)
        self.publisher = Publisher(self.place, edge, SILENT)

    def push(self, name: str, *, force: bool = False, note: str = "") -> dict[str, Any]:
        base = "" if force else self.place.base.read()
        order = Order("routes.yaml", base)
        return self.publisher.publish(change(text(name), note), order, read(self.kv))

    def pull(self) -> None:
        self.place.base.write(read(self.kv).digest, SILENT.warn)


def digest(name: str) -> str:
    return digest_of(text(name))
