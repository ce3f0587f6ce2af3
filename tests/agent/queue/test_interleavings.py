"""Whatever pollers, clocks and crashes do: each job ends at most once, and none is lost.

Pollers act in any order, also on leases that they lost long ago. After each step the queue
is compared with a model of a few lines: who holds what, and what has ended.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from agent.queue.job import HIGHEST, Contradiction, Invalid, Job, JobChange
from tests.agent.queue.making import LEASE_MS, SKILL, Queue
from tests.support.examples import examples

WORKERS = ("ann", "bob", "eve")
SKILLS = (SKILL, "api-calls")
ENDED = ("completed", "failed", "cancelled")


class Lease(NamedTuple):
    """What a poller believes to hold."""

    worker: str
    id: str
    attempt: int


class World:
    """The queue, what pollers believe, and how jobs have ended."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.submitted: list[str] = []
        self.believed: list[Lease] = []
        self.ended: dict[str, Job] = {}
        self.completions: dict[str, int] = {}

    def submit(self, priority: int, skill: str, attempts: int) -> None:
        id = f"job-{len(self.submitted)}"
        self.queue.submit(id, priority=priority, capability=skill, max_attempts=attempts)
        self.submitted.append(id)

    def poll(self, worker: str, limit: int, skills: list[str]) -> None:
        queue = self.queue
        queue.return_lost()
        jobs = [queue.get(id) for id in self.submitted]
        due = [job for job in jobs if job.state == "waiting" and job.available_ms <= queue.now]
        able = [job for job in due if job.capability in skills]
        order = {id: number for number, id in enumerate(self.submitted)}
        able.sort(key=lambda job: (-job.priority, job.submitted_ms, order[job.key.id]))
        found = queue.lease(worker, limit, skills)
        taken = [job for job in able if job.key.id in found]
        assert [job.key.id for job in taken] == found
        assert [job.priority for job in taken] == [job.priority for job in able[: len(found)]]
        assert len(found) == min(limit, len(able))
        for skill in skills:  # of one capability the oldest; across them there are turns
            own = [job.key.id for job in able if job.capability == skill]
            assert [id for id in own if id in found] == own[: len(set(own) & set(found))]
        before = {job.key.id: job.attempt for job in jobs}
        self.believed += [Lease(worker, id, before[id] + 1) for id in found]

    def act(self, number: int, verb: str, retry: bool) -> None:
        """Somebody does something with a job that he believes to hold."""
        if not self.believed:
            return
        lease = self.believed[number % len(self.believed)]
        job = self.queue.get(lease.id)
        holds = job.state == "leased" and (job.worker, job.attempt) == (lease.worker, lease.attempt)
        told = self.told(lease, verb, retry)
        if holds:
            assert isinstance(told, JobChange)
            assert told.is_done
            if told.state == "completed":
                self.completions[lease.id] = self.completions.get(lease.id, 0) + 1
        else:
            assert self.queue.get(lease.id) == job

    def told(self, lease: Lease, verb: str, retry: bool) -> JobChange | Contradiction | Invalid:
        worker, id, attempt = lease
        if verb == "complete":
            return self.queue.try_complete(id, worker, attempt, result=f'"{worker} {attempt}"')
        if verb == "fail":
            return self.queue.try_fail(id, worker, attempt, retry=retry)
        return self.queue.extend(id, worker, attempt)

    def cancel(self, number: int) -> None:
        if self.submitted:
            self.queue.cancel(self.submitted[number % len(self.submitted)])

    def look(self) -> None:
        """Each job is somewhere, those that ended stay as they are, and attempts are bounded."""
        now = [self.queue.get(id) for id in self.submitted]
        for job in now:
            id = job.key.id
            assert job.attempt <= job.max_attempts
            assert job.state in ("waiting", "leased", *ENDED)
            assert self.ended.setdefault(id, job) == job if job.state in ENDED else True
            assert self.completions.get(id, 0) == (job.state == "completed")
        depths = self.queue.depth()
        counted = sum(each.waiting + each.delayed + each.leased + each.failed for each in depths)
        assert counted == sum(job.state not in ("completed", "cancelled") for job in now)

    def finish(self) -> None:
        """Whatever is left can be done, in bounded time."""
        for _ in range(60):
            self.queue.now += 10 * LEASE_MS
            while found := self.queue.lease("last", 25, SKILLS):
                for id in found:
                    attempt = self.queue.get(id).attempt
                    assert self.queue.complete(id, "last", attempt).is_done
            if not any(each.waiting + each.delayed + each.leased for each in self.queue.depth()):
                break
        assert {self.queue.state(id) for id in self.submitted} <= set(ENDED)


STEPS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.one_of(
    st.tuples(
        st.just("submit"),
        st.tuples(st.integers(0, HIGHEST), st.sampled_from(SKILLS), st.integers(1, 4)),
    ),
    st.tuples(
        st.just("poll"),
        st.tuples(
            st.sampled_from(WORKERS),
            st.integers(1, 3),
            st.lists(st.sampled_from(SKILLS), min_size=1, max_size=2, unique=True),
        ),
    ),
    st.tuples(
        st.just("act"),
        st.tuples(
            st.integers(0, 20), st.sampled_from(["complete", "fail", "extend"]), st.booleans()
        ),
    ),
    st.tuples(st.just("cancel"), st.tuples(st.integers(0, 20))),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from([0, 1, 999, LEASE_MS, 10 * LEASE_MS]))),
)


@examples(80)
@given(st.lists(STEPS, min_size=20, max_size=40))
def test_jobs_end_once_and_are_never_lost(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    world = World()
    for verb, values in steps:
        if verb == "wait":
            world.queue.now += values[0]
        else:
            getattr(world, verb)(*values)
        world.look()
    world.finish()
