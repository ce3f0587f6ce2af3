"""What the Coordinator gets from outside: from the runtime at the edge, from fakes in tests."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import NamedTuple, Protocol

from policies.basics.untyped import Parsed
from policies.http.changes import Pairs
from policies.resilience.drill import InFront
from router.edge.isolate.keeper import EdgeKv, Log
from router.edge.isolate.store import PolicyStore


class Values(Protocol):
    """The object's key-value storage."""

    def get(self, key: str) -> Parsed: ...
    def put(self, key: str, value: object) -> None: ...


class Sql(Protocol):
    """The object's database."""

    def exec(self, query: str, *bindings: object) -> Parsed: ...


class Storage(Protocol):
    """The part of a Durable Object's storage that the Coordinator needs."""

    @property
    def kv(self) -> Values: ...
    @property
    def sql(self) -> Sql: ...
    async def setAlarm(self, at_ms: float) -> None: ...


class SendProbe(Protocol):
    """GET a URL of a variant. Returns the status and the first `most` bytes of the body. Raises if
    there is no answer in time."""

    async def __call__(
        self,
        upstream: str,
        url: str,
        headers: Pairs,
        timeout_ms: int,
        most: int,
        drill: InFront = None,
    ) -> tuple[int, str]: ...


class AskService(Protocol):
    """POST a document to a binding. Returns the status and the beginning of the body. Raises if
    there is no answer in time."""

    async def __call__(
        self, binding: str, url: str, document: str, timeout_ms: int
    ) -> tuple[int, str]: ...


class Collaborators(NamedTuple):
    """`store`: which policy serves; `rng`: randomness; `clock`: milliseconds since 1970;
    `kv`: the bound KV namespace; `start`: run a coroutine in the background."""

    storage: Storage
    store: PolicyStore
    rng: Random
    clock: Callable[[], float]
    log: Log
    kv: Callable[[], EdgeKv]
    probe: SendProbe
    ask: AskService
    start: Callable[[Coroutine[object, None, None]], None]
