"""Which isolate a job gets, and which are kept ready.

- An isolate runs one job and ends: code can leave changes behind that no check would find.
- It is started for one tenant and never runs another's code.
- Tenants that ran a job lately have some ready; the one that was idle longest loses them first.
  There are at most `Sizes.all`, ready or running.

No I/O and no clock here: the caller starts and ends isolates, and passes the time in.
"""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Each isolate holds 40 to 100 MB."""

    ready_of_tenant: int = 1
    ready_all: int = 4
    all: int = 8
    of_tenant: int = 6
    # An idle isolate takes memory from others.
    idle_ms: float = 600_000
    # A job that is not over by then was cut off with its request, so its isolate ends.
    run_ms: float = 120_000


class Care(NamedTuple):
    """What to do after a job: the isolates to end, and those to start."""

    end: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


class Run(NamedTuple):
    tenant: str
    began: float


class Pool:
    """The isolates of one agent isolate; `name` is unique."""

    def __init__(self, name: str, sizes: Sizes = Sizes()) -> None:  # noqa: B008 - immutable
        self.name = name
        self.sizes = sizes
        self._serial = 0
        self._ready: dict[str, list[str]] = {}
        self._last_used: dict[str, float] = {}
        self._running: dict[str, Run] = {}
        self._due: list[str] = []

    @property
    def ready(self) -> int:
        return sum(len(ids) for ids in self._ready.values())

    @property
    def running(self) -> int:
        return len(self._running)

    def has_room(self, tenant: str, now: float) -> bool:
        """Whether `take` would return an isolate."""
        self._give_up_lost(now)
        own = sum(run.tenant == tenant for run in self._running.values())
        return self.running < self.sizes.all and own < self.sizes.of_tenant

    def take(self, tenant: str, now: float) -> str | None:
        """The isolate for a job; None at the limit of running isolates, of all or of this
        tenant."""
        self._last_used[tenant] = now
        if not self.has_room(tenant, now):
            return None
        chosen = self._ready[tenant].pop(0) if self._ready.get(tenant) else None
        if chosen is None and not self._room():
            return None
        chosen = chosen or self._new(tenant)
        self._running[chosen] = Run(tenant, now)
        return chosen

    def finish(self, isolate: str, tenant: str, now: float) -> Care:
        """End the job's isolate, and start the next ones."""
        self._running.pop(isolate, None)
        self._forget(now)
        start: list[str] = []
        while len(self._ready.get(tenant, ())) < self.sizes.ready_of_tenant:
            if self.ready >= self.sizes.ready_all and not self._give_up_one(tenant):
                break
            if self.ready + self.running >= self.sizes.all:
                break
            start.append(self._new(tenant))
            self._ready.setdefault(tenant, []).append(start[-1])
        due, self._due = self._due, []
        return Care((isolate, *due), tuple(start))

    def _new(self, tenant: str) -> str:
        self._serial += 1
        return f"{self.name}/{tenant}/{self._serial}"

    def _room(self) -> bool:
        """Whether one more may start; if needed, a ready one of another tenant ends for it."""
        if self.ready + self.running < self.sizes.all:
            return True
        return self._give_up_one("")

    def _forget(self, now: float) -> None:
        for tenant, seen in [*self._last_used.items()]:
            if now - seen > self.sizes.idle_ms:
                self._due += self._ready.pop(tenant, [])
                del self._last_used[tenant]

    def _give_up_lost(self, now: float) -> None:
        lost = [id for id, run in self._running.items() if now - run.began > self.sizes.run_ms]
        for isolate in lost:
            del self._running[isolate]
        self._due += lost

    def _give_up_one(self, keeper: str) -> bool:
        """End a ready one of the tenant that was idle longest, except `keeper`."""
        others = [tenant for tenant, ids in self._ready.items() if ids and tenant != keeper]
        if not others:
            return False
        quietest = min(others, key=lambda tenant: self._last_used.get(tenant, 0.0))
        self._due.append(self._ready[quietest].pop())
        return True
