"""A registered worker, and its load.

Its heartbeats say that it is alive: one every `HEARTBEAT_MS`. Polls, and extended leases, count
as heartbeats. A worker that is silent for `SILENT_MS` loses its leases: the queue gives its jobs
to others (`agent/queue/lease_statements.py`, LOST). `KEPT_MS` after its last sign it is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from agent.queue.limits import SILENT_MS

HEARTBEAT_MS = SILENT_MS // 3  # two heartbeats may be missed
KEPT_MS = 86_400_000  # a day: programs that restart under new names leave many behind
MAX_WORKERS = 1_000  # of an API key: each costs a list one row, and a poll nothing
MAX_HELD = 25  # jobs that a list names for each worker

WorkerState = Literal["alive", "lost"]


class WorkerKey(NamedTuple):
    """`tenant`: the id of the worker's API key."""

    tenant: str
    id: str


class WorkerDetails(NamedTuple):
    """What a worker reports about itself. In a heartbeat None leaves a value unchanged."""

    capabilities: Sequence[str] | None = None
    region: str | None = None
    metadata: dict[str, object] | None = None


class HeldJob(NamedTuple):
    """A job that a worker has leased."""

    tenant: str
    job_id: str
    attempt: int
    lease_until_ms: int


class Worker(NamedTuple):
    """`number`: its id in the queue. `leased`: how many jobs it holds; `held`: those whose leases
    expire first."""

    number: int
    key: WorkerKey
    capabilities: list[str]
    region: str
    metadata: dict[str, object]
    registered_ms: int
    seen_ms: int
    leased: int = 0
    held: Sequence[HeldJob] = ()

    def state(self, now_ms: float) -> WorkerState:
        return "alive" if now_ms - self.seen_ms < SILENT_MS else "lost"


class TooMany(NamedTuple):
    """The worker was not registered: its key has this many live workers, the most allowed."""

    workers: int


class Load(NamedTuple):
    """The jobs of a capability, or of several, that workers run: `waiting` may be leased now,
    `oldest_ms` is how long the first of them has waited. `workers`: registered and alive."""

    waiting: int = 0
    leased: int = 0
    oldest_ms: int = 0
    workers: int = 0


class Loads(NamedTuple):
    """`total`: each worker and each job is counted once."""

    total: Load
    by_capability: dict[str, Load]
