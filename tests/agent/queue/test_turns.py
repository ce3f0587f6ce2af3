"""Tenants take turns within a priority, whatever they and their workers do.

A lane is what a tenant has of one capability and priority. Here a slow model keeps the line of
lanes as a list; the queue has to agree with it, poll for poll.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.queue.job import Dispatch, Job
from agent.queue.limits import Limits
from tests.agent.queue.making import LEASE_MS, SKILL, Queue, key, submission
from tests.support.examples import examples

TENANTS = ("a", "b", "c")
SKILLS = (SKILL, "api-calls")


def taken(queue: Queue, number: int, **more: Any) -> list[str]:
    """The tenants of the jobs that so many polls take, one each."""
    return [tenant for _ in range(number) for tenant in leased(queue, **more)]


def leased(queue: Queue, limit: int = 1, **more: Any) -> list[str]:
    return [id.split("-")[0] for id in queue.lease("w", limit, **more)]


def flood(queue: Queue, tenant: str, number: int, name: str = "", **more: Any) -> None:
    for each in range(number):
        queue.submit(f"{tenant}-{name}{each}", tenant=tenant, **more)


def end(queue: Queue, id: str, verb: str = "complete") -> None:
    job = queue._do(queue.jobs.get(key(id, id.split("-")[0])))
    assert job
    assert job.worker
    held = (job.key, job.worker, job.attempt)
    if verb == "complete":
        queue._do(queue.jobs.complete(*held, "1", queue.now))
    else:
        queue._do(queue.jobs.fail(*held, "no luck", queue.now, True, 0.0))


def test_a_flood_does_not_keep_others_waiting() -> None:
    queue = Queue()
    flood(queue, "a", 1_000)
    assert taken(queue, 3) == ["a", "a", "a"]
    flood(queue, "b", 3)
    flood(queue, "c", 1)
    assert taken(queue, 8) == ["a", "b", "c", "a", "b", "a", "b", "a"]


def test_within_a_tenant_the_oldest_goes_first() -> None:
    queue = Queue()
    flood(queue, "a", 3)
    flood(queue, "b", 3)
    ids = [id for _ in range(6) for id in queue.lease("w")]
    assert ids == ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]


def test_a_poll_of_several_takes_one_of_each_and_then_a_second() -> None:
    queue = Queue()
    flood(queue, "a", 9)
    flood(queue, "b", 2)
    flood(queue, "c", 1)
    assert Counter(leased(queue, 6)) == {"a": 3, "b": 2, "c": 1}


def test_who_submits_one_after_the_other_does_not_starve_who_has_many() -> None:
    """Each of two tenants has one job at a time, and a new one as soon as it is taken."""
    queue = Queue()
    flood(queue, "a", 100)
    queue.submit("b-0", tenant="b")
    queue.submit("c-0", tenant="c")
    served = Counter[str]()
    for number in range(1, 61):
        (tenant,) = leased(queue)
        served[tenant] += 1
        if tenant != "a":
            queue.submit(f"{tenant}-{number}", tenant=tenant)
    assert served == {"a": 20, "b": 20, "c": 20}


def test_what_a_tenant_had_before_does_not_count() -> None:
    queue = Queue()
    flood(queue, "a", 50)
    assert set(taken(queue, 50)) == {"a"}
    flood(queue, "b", 50)
    flood(queue, "a", 2, "new-")
    assert taken(queue, 4) == ["b", "a", "b", "a"]


def test_what_its_own_worker_takes_is_not_the_turn_of_a_tenant() -> None:
    queue = Queue()
    flood(queue, "a", 3)
    flood(queue, "b", 3)
    assert leased(queue) == ["a"]
    assert leased(queue, tenant="b") == ["b"]
    assert taken(queue, 2) == ["b", "a"]


@pytest.mark.parametrize("how", ["retried", "freed", "cancelled", "polled by its own worker"])
def test_jobs_that_come_back_do_not_go_before_others(how: str) -> None:
    queue = Queue()
    if how == "retried":
        flood(queue, "b", 40)
        for id in [id for _ in range(40) for id in queue.lease("w")]:
            end(queue, id, "fail")
    if how == "freed":
        queue.submit("b-root", tenant="b")
        flood(queue, "b", 40, depends_on=("b-root",))
        assert queue.lease("w") == ["b-root"]
    flood(queue, "a", 100)
    if how == "polled by its own worker":
        assert set(taken(queue, 50, tenant="a")) == {"a"}
        flood(queue, "b", 40)
    if how == "cancelled":
        flood(queue, "b", 80)
        for number in range(40):
            queue.cancel(f"b-{number}", tenant="b")
    if how == "freed":
        assert set(taken(queue, 5)) == {"a"}
        end(queue, "b-root")
    queue.now += 10_000
    assert Counter(taken(queue, 20)) == {"a": 10, "b": 10}


def test_a_priority_goes_before_a_lower_one_and_has_a_line_of_its_own() -> None:
    queue = Queue()
    flood(queue, "a", 3, "low-")
    flood(queue, "b", 2, "low-")
    flood(queue, "a", 2, "high-", priority=5)
    flood(queue, "b", 1, "high-", priority=5)
    ids = [id for _ in range(8) for id in queue.lease("w")]
    assert ids[:3] == ["a-high-0", "b-high-0", "a-high-1"]
    assert [id.split("-")[0] for id in ids[3:]] == ["a", "b", "a", "b", "a"]


def test_a_tenant_has_no_more_with_the_agent_than_it_may_whatever_its_priority() -> None:
    queue = Queue(limits=Limits(running=2))
    edge: dict[str, Dispatch] = {"dispatch": "edge"}
    flood(queue, "a", 20, priority=9, **edge)
    flood(queue, "a", 20, "x-", capability="api-calls", priority=9, **edge)
    flood(queue, "b", 1, priority=1, **edge)
    both = {"skills": SKILLS, **edge}
    assert leased(queue, 9, **both) == ["a", "a", "b"]
    assert leased(queue, 9, **both) == []
    end(queue, next(id for id in ("a-0", "a-x-0") if is_leased(queue, id)))
    assert leased(queue, 9, **both) == ["a"]
    assert leased(queue, 9, **both) == []
    queue.now += LEASE_MS
    queue.return_lost()
    assert sorted(leased(queue, 9, **both)) == ["a", "a", "b"]


def is_leased(queue: Queue, id: str) -> bool:
    job = queue._do(queue.jobs.get(key(id, id.split("-")[0])))
    return job is not None and job.state == "leased"


class Lane(NamedTuple):
    tenant: str
    skill: str
    priority: int


class Model:
    """The line as a list, first lane first; all jobs beside it."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.line: list[Lane] = []
        self.submitted: list[str] = []
        self.overtaken = Counter[tuple[Lane, Lane]]()

    def jobs(self) -> dict[str, Job]:
        found = (self.queue._do(self.queue.jobs.get(key(id, id[0]))) for id in self.submitted)
        return {job.key.id: job for job in found if job}

    def ready(self, lane: Lane) -> list[Job]:
        return [job for job in self.jobs().values() if _lane(job) == lane and _is_ready(job)]

    def available(self, lane: Lane) -> list[Job]:
        return [job for job in self.ready(lane) if job.available_ms <= self.queue.now]

    def settle(self) -> None:
        """Lanes that are there no more, and new ones at the end: here there is one at most, but
        for jobs that come back together."""
        jobs = [job for job in self.jobs().values() if _is_ready(job)]
        self.line = [lane for lane in self.line if any(_lane(job) == lane for job in jobs)]
        for lane in dict.fromkeys(_lane(job) for job in jobs):
            if lane not in self.line:
                self.line.append(lane)

    def submit(self, tenant: str, skill: str, priority: int) -> None:
        id = f"{tenant}-{len(self.submitted)}"
        self.queue.submit(id, tenant=tenant, capability=skill, priority=priority)
        self.submitted.append(id)
        self.settle()

    def poll(self, limit: int, skills: list[str], tenant: str | None) -> None:
        self.queue.return_lost()
        self.settle()
        if tenant is None:
            expected = self.first(limit, skills)
            self.count(expected, skills)
        else:
            able = [job for lane in self.line if _fits(lane, skills, tenant) for job in
                    self.available(lane)]  # fmt: skip
            able.sort(key=lambda job: (-job.priority, self.place(job)))
            expected = able[:limit]
        found = self.queue.lease("w", limit, skills, tenant=tenant)
        assert sorted(found) == sorted(job.key.id for job in expected)
        if tenant is None:
            for job in sorted(expected, key=self.place):
                self.line.remove(_lane(job))
                self.line.append(_lane(job))
        self.settle()

    def first(self, limit: int, skills: list[str]) -> list[Job]:
        """One job of each lane in the order of the line, then a second one of each, and so on."""
        lanes = [lane for lane in self.line if lane.skill in skills]
        rows = [
            (-lane.priority, place, turn, job)
            for turn, lane in enumerate(lanes)
            for place, job in enumerate(self.available(lane))
        ]
        return [job for *_, job in sorted(rows, key=lambda row: row[:3])[:limit]]

    def count(self, expected: list[Job], skills: list[str]) -> None:
        """How often a lane that has something to give was overtaken by another one. Jobs of one
        poll count in the order of the line, so one of them may be the second."""
        went = [_lane(job) for job in expected]
        for lane in [lane for lane in self.line if lane.skill in skills]:
            if lane in went or not self.available(lane):
                for pair in [pair for pair in self.overtaken if pair[0] == lane]:
                    del self.overtaken[pair]
                continue
            for other in went:
                if other.priority == lane.priority:
                    self.overtaken[lane, other] += 1
                    assert self.overtaken[lane, other] <= 1

    def place(self, job: Job) -> int:
        return self.submitted.index(job.key.id)

    def act(self, number: int, verb: str) -> None:
        held = [id for id, job in self.jobs().items() if job.state == "leased"]
        if held:
            end(self.queue, held[number % len(held)], verb)
            self.settle()

    def cancel(self, number: int) -> None:
        if self.submitted:
            id = self.submitted[number % len(self.submitted)]
            self.queue.cancel(id, tenant=id[0])
            self.settle()

    def wait(self, ms: int) -> None:
        self.queue.now += ms


def _lane(job: Job) -> Lane:
    return Lane(job.key.tenant, job.capability, job.priority)


def _is_ready(job: Job) -> bool:
    return job.state == "waiting" and not job.blocked


def _fits(lane: Lane, skills: list[str], tenant: str) -> bool:
    return lane.skill in skills and lane.tenant == tenant


SOME_SKILLS = st.lists(st.sampled_from(SKILLS), min_size=1, max_size=2, unique=True)
STEPS: st.SearchStrategy[tuple[str, tuple[Any, ...]]] = st.one_of(
    st.tuples(
        st.just("submit"),
        st.tuples(st.sampled_from(TENANTS), st.sampled_from(SKILLS), st.integers(4, 5)),
    ),
    st.tuples(
        st.just("poll"),
        st.tuples(st.integers(1, 3), SOME_SKILLS, st.sampled_from((None, None, *TENANTS))),
    ),
    st.tuples(st.just("act"), st.tuples(st.integers(0, 20), st.sampled_from(["complete", "fail"]))),
    st.tuples(st.just("cancel"), st.tuples(st.integers(0, 20))),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from([1, 999, 2_000, LEASE_MS]))),
)


@examples(80)
@given(st.lists(STEPS, min_size=25, max_size=50))
def test_the_line_is_kept(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    model = Model()
    for verb, values in steps:
        getattr(model, verb)(*values)
        check_counts(model)


def check_counts(model: Model) -> None:
    """What triggers have counted is what is there."""
    jobs = [job for job in model.jobs().values() if job.state in ("waiting", "leased")]
    rows = model.queue._do(model.queue.db.run("SELECT * FROM tenants")).rows
    counted = {row["tenant"]: (row["waiting"], row["bytes"]) for row in rows}
    for tenant, found in counted.items():
        own = [job for job in jobs if job.key.tenant == tenant]
        waiting = sum(job.state == "waiting" for job in own)
        assert found == (waiting, sum(len(job.payload) for job in own))
    lanes = model.queue._do(model.queue.db.run("SELECT * FROM lanes")).rows
    kept = {Lane(row["tenant"], row["capability"], row["priority"]): row["ready"] for row in lanes}  # type: ignore[arg-type]
    assert kept == Counter(_lane(job) for job in jobs if _is_ready(job))


def test_a_repeated_poll_or_submission_moves_nobody_in_the_line() -> None:
    queue = Queue()
    flood(queue, "a", 5)
    flood(queue, "b", 5)
    before = queue.db
    assert queue.lease("w", ticket="t") == ["a-0"]
    lanes = queue._do(before.run("SELECT * FROM lanes")).rows
    for _ in range(3):
        assert queue.lease("w", ticket="t") == ["a-0"]
        queue._do(queue.jobs.submit(submission("a-1", tenant="a"), queue.now))
    assert queue._do(before.run("SELECT * FROM lanes")).rows == lanes
    assert taken(queue, 2) == ["b", "a"]
