"""What the Coordinator works with, and does not make itself: at the edge the runtime's, in tests
whatever they like."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, NamedTuple, Protocol

from policies.http.changes import Pairs
from policies.resilience.drill import InFront
from router.edge.isolate.keeper import Kv, Log
from router.edge.isolate.store import PolicyStore


class Values(Protocol):
    """The object's key-value storage."""

    def get(self, key: str) -> Any: ...
    def put(self, key: str, value: Any) -> None: ...


class Sql(Protocol):
    """The object's database."""

    def exec(self, query: str, *bindings: Any) -> Any: ...


class Storage(Protocol):
    """The little of a Durable Object's storage that the Coordinator needs."""

    @property
    def kv(self) -> Values: ...
    @property
    def sql(self) -> Sql: ...
    async def setAlarm(self, at_ms: float) -> None: ...


class Probe(Protocol):
    """Ask a variant for a URL: the status, and so much of the body. Raises if there is no answer
    in time."""

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
    """POST a document to a binding: the status, and the beginning of the body. Raises if there is
    no answer in time."""

    async def __call__(
        self, binding: str, url: str, document: str, timeout_ms: int
    ) -> tuple[int, str]: ...


class Collaborators(NamedTuple):
    """`store`: which policy serves; `chance`: randomness; `clock`: milliseconds since 1970;
    `kv`: Workers KV as it is bound now; `start`: do something in the background."""

    storage: Storage
    store: PolicyStore
    chance: Random
    clock: Callable[[], float]
    log: Log
    kv: Callable[[], Kv]
    probe: Probe
    ask: AskService
    start: Callable[[Coroutine[Any, Any, None]], None]
