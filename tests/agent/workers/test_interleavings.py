"""Whatever workers and clocks do: a worker keeps its leases as long as it gives signs of life,
loses them to the next poll when it does not, and no job ends twice or is lost.

After each step the queue is compared with a model: who was last seen when, who holds what.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from agent.queue.job import JobKey
from agent.queue.limits import SILENT_MS
from tests.agent.workers.making import LEASE_MS, Place
from tests.support.examples import examples

IDS, KEYS = ("ann", "bob"), ("one", "two")
LEASES = (SILENT_MS // 2, 4 * SILENT_MS)
NEVER = 10**16


class Lease(NamedTuple):
    """`kept_by`: the registered worker, None for one that nobody registered."""

    worker: str
    kept_by: tuple[str, str] | None
    attempt: int
    until_ms: int


class World:
    def __init__(self) -> None:
        self.place = Place()
        self.seen: dict[tuple[str, str], int] = {}
        self.leases: dict[str, Lease] = {}
        self.waiting: list[str] = []
        self.attempts: dict[str, int] = {}
        self.ended: set[str] = set()

    def submit(self) -> None:
        id = f"job-{len(self.attempts)}"
        self.place.submit(id, max_attempts=20)
        self.waiting.append(id)
        self.attempts[id] = 0

    def register(self, id: str, key: str) -> None:
        self.place.register(id, key=key)
        self.seen[key, id] = self.place.now

    def beat(self, id: str, key: str) -> None:
        assert (self.place.beat(id, key) is not None) == ((key, id) in self.seen)
        self._sign(id, key)

    def poll(self, id: str, key: str, lease_ms: int) -> None:
        self._sign(id, key)
        self._lose()
        polled = self.place.poll(id, 2, key, lease_ms=lease_ms)
        assert polled == sorted(self.waiting, key=_number)[:2]
        keeper = (key, id) if (key, id) in self.seen else None
        for job in polled:
            self.waiting.remove(job)
            self.attempts[job] += 1
            until_ms = self.place.now + lease_ms
            self.leases[job] = Lease(id, keeper, self.attempts[job], until_ms)

    def claim(self, number: int) -> None:
        """The agent takes one job by its name, so that no worker keeps the lease."""
        if not self.waiting:
            return
        job = self.waiting[number % len(self.waiting)]
        assert self.place.claim(job, "agent", self.attempts[job])
        self.waiting.remove(job)
        self.attempts[job] += 1
        self.leases[job] = Lease("agent", None, self.attempts[job], self.place.now + LEASE_MS)

    def complete(self, number: int, id: str) -> None:
        if not self.attempts:
            return
        job = list(self.attempts)[number % len(self.attempts)]
        lease = self.leases.get(job)
        is_held = lease is not None and (lease.worker, lease.attempt) == (id, self.attempts[job])
        done = self.place.complete(job, id, max(1, self.attempts[job]))
        # What has ended is told again to whoever ended it.
        assert done if is_held else not done or job in self.ended
        if is_held:
            del self.leases[job]
            self.ended.add(job)

    def tick(self) -> None:
        self.place.return_lost()
        self._lose()
        self.place.mark_lost()

    def wait(self, ms: int) -> None:
        self.place.now += ms

    def look(self) -> None:
        for job, lease in self.leases.items():
            found = self.place.do(self.place.jobs.get(JobKey("tenant", job)))
            assert found
            told = (found.state, found.worker, found.attempt)
            assert told == ("leased", lease.worker, lease.attempt)
        alive = [key for key, at in self.seen.items() if self.place.now - at < SILENT_MS]
        listed = self.place.listed("alive", tenant=None)
        assert sorted(tuple(worker.key) for worker in listed) == sorted(alive)
        for worker in self.place.listed(tenant=None):
            kept = [each for each in self.leases.values() if each.kept_by == tuple(worker.key)]
            assert worker.leased == len(kept)

    def _sign(self, id: str, key: str) -> None:
        if (key, id) in self.seen:
            self.seen[key, id] = self.place.now

    def _lose(self) -> None:
        for job, lease in list(self.leases.items()):
            seen = self.seen.get(lease.kept_by, 0) if lease.kept_by else NEVER
            if lease.until_ms <= self.place.now or seen <= self.place.now - SILENT_MS:
                del self.leases[job]
                self.waiting.append(job)


def _number(id: str) -> int:
    return int(id.rpartition("-")[2])


IDS_AND_KEYS = (st.sampled_from(IDS), st.sampled_from(KEYS))
STEPS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.one_of(
    st.tuples(st.just("submit"), st.tuples()),
    st.tuples(st.just("register"), st.tuples(*IDS_AND_KEYS)),
    st.tuples(st.just("beat"), st.tuples(*IDS_AND_KEYS)),
    st.tuples(st.just("poll"), st.tuples(*IDS_AND_KEYS, st.sampled_from(LEASES))),
    st.tuples(st.just("complete"), st.tuples(st.integers(0, 9), st.sampled_from(IDS))),
    st.tuples(st.just("claim"), st.tuples(st.integers(0, 9))),
    st.tuples(st.just("tick"), st.tuples()),
    st.tuples(
        st.just("wait"),
        st.tuples(st.sampled_from([1, SILENT_MS // 3, SILENT_MS - 1, SILENT_MS, 5 * SILENT_MS])),
    ),
)


@examples(200)
@given(st.lists(STEPS, min_size=20, max_size=40))
def test_leases_follow_signs_of_life(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    world = World()
    for verb, values in steps:
        getattr(world, verb)(*values)
        world.look()
