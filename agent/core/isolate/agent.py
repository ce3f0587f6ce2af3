"""The agent that handles a request, as the edge or a test builds it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agent.agents.agents import Agents
from agent.callbacks.callbacks import Callbacks
from agent.core.capabilities.cache import Store
from agent.core.capabilities.tools import Tools
from agent.core.identity import Identity
from agent.core.isolate.metrics import BacklogCache, Metrics
from agent.core.isolate.settings import Settings
from agent.queue.jobs import Jobs
from agent.records.records import Records
from agent.workers.workers import Workers

T = TypeVar("T")


class Wait(Protocol):
    """Waits for `work` and returns its result."""

    def __call__(self, work: Coroutine[object, None, T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Agent:
    """One isolate, as a request sees it.

    - `clock`: milliseconds for durations; `now`: milliseconds since 1970; `rng`: from 0 to 1;
      `new_id`: a unique name.
    - `tools`: those of a tenant with its scopes. `jobs`: the queue; `callbacks`: the outbox;
      `records`: of jobs and requests; `agents`: the definitions; `workers`: the registered ones.
      Each is created on first use.
    - `deliver` sends due callbacks for so many milliseconds, and returns whether more may be due.
    - `wait`, `pause` (milliseconds): the request waits, others go on.
    - `soon` starts a task after the answer.
    - `store`: the cache of results, if there is one."""

    who: Identity
    settings: Settings
    metrics: Metrics
    backlog: BacklogCache
    clock: Callable[[], float]
    now: Callable[[], float]
    rng: Callable[[], float]
    new_id: Callable[[], str]
    tools: Callable[[str, frozenset[str]], Tools]
    jobs: Callable[[], Jobs]
    callbacks: Callable[[], Callbacks]
    records: Callable[[], Records]
    workers: Callable[[], Workers]
    agents: Callable[[], Agents]
    deliver: Callable[[float], bool]
    wait: Wait
    pause: Callable[[float], None]
    soon: Callable[[str], None]
    log: Callable[[Mapping[str, object]], None]
    store: Callable[[], Store | None] = lambda: None
