"""A request, and the agent that it came to.

Neither knows how it came to be: the edge makes them, and so do tests.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from agent.agents.agents import Agents
from agent.callbacks.callbacks import Callbacks
from agent.core.capabilities.cache import Store
from agent.core.capabilities.tools import Tools
from agent.core.http.problem import Problem
from agent.core.identity import Identity
from agent.core.isolate.metrics import Metrics, StandingCache
from agent.core.isolate.settings import Settings
from agent.queue.jobs import Jobs
from agent.records.records import Records
from agent.workers.workers import Workers

T = TypeVar("T")
ANONYMOUS = "anonymous"  # who asks through a route without keys
WORKER_SCOPE = "agent:worker"  # of keys whose holders run everybody's jobs
WRITE_SCOPE = "agents:write"  # of keys whose holders say what agents are


class Call(NamedTuple):
    """`headers`: by their lower-case names. `body` reads the request's body as text; None if it
    is larger than that many bytes."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    now_ms: float
    body: Callable[[int], str | None]

    @property
    def tenant(self) -> str:
        """The id of the API key, as the router says it."""
        return self.headers.get("x-router-key-id", ANONYMOUS)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.headers.get("x-router-key-scopes", "").split())

    def known_tenant(self) -> str:
        """Who asks. Raises `Problem` if that is anybody."""
        if self.tenant == ANONYMOUS:
            hint = "give the route `auth` in the router's policy"
            raise Problem(401, f"jobs belong to API keys, and this request came without: {hint}")
        return self.tenant

    def tenant_of_job(self, named: str | None) -> str:
        """Whose job it is: the caller's own, or that of the tenant that is named."""
        own = self.known_tenant()
        if named is None or named == own:
            return own
        if WORKER_SCOPE not in self.scopes:
            raise Problem(403, f"jobs of other tenants need a key of scope `{WORKER_SCOPE}`")
        return named


class Wait(Protocol):
    """What becomes of `work`, waited for."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Agent:
    """One isolate, as a request sees it.

    - `clock`: milliseconds for durations; `now`: milliseconds since 1970; `chance`: from 0 to
      1; `new_id`: a name that nobody else has.
    - `tools`: those of a tenant with its scopes. `jobs`: the queue; `callbacks`: the outbox;
      `records`: what became of jobs and requests; `agents`: what agents are; `workers`: those
      that have registered. Each is made when it is first asked for.
    - `deliver` sends the callbacks that are due, for so many milliseconds, and says whether more
      may be.
    - `wait`, `pause` (milliseconds): the request stands still, others go on.
    - `soon` starts a task after the answer.
    - `store`: where results are kept, if anywhere."""

    who: Identity
    settings: Settings
    metrics: Metrics
    standing: StandingCache
    clock: Callable[[], float]
    now: Callable[[], float]
    chance: Callable[[], float]
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
