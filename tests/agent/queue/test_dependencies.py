"""Jobs that depend on others: they wait for them, get their results, and end as they do."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.callbacks.callbacks import Callbacks, registration
from agent.queue.job import Freeing, Invalid, Job, JobChange, JobState, Missing, Submitted
from agent.queue.limits import MAX_DEPENDENCIES, MAX_INPUTS
from tests.agent.queue.making import LEASE_MS, Queue, key, submission
from tests.support.examples import examples

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def queue() -> Queue:
    return Queue()


def run(queue: Queue, id: str, result: str = '{"result":4}') -> None:
    assert queue.lease("w") == [id]
    assert queue.complete(id, "w", queue.get(id).attempt, result).is_done


def chain(queue: Queue, *ids: str) -> None:
    for number, id in enumerate(ids):
        queue.submit(id, depends_on=ids[number - 1 : number] if number else ())


def test_a_job_starts_when_all_that_it_depends_on_have_completed(queue: Queue) -> None:
    queue.submit("a")
    queue.submit("b")
    job = queue.submit("sum", depends_on=("b", "a"), priority=9).job
    assert (job.state, job.blocked, job.depends_on) == ("waiting", 2, ("b", "a"))
    assert queue.needed("sum") == [("b", "waiting"), ("a", "waiting")]
    run(queue, "a", '{"result":1}')
    assert queue.needed("sum") == [("b", "waiting"), ("a", "completed")]
    assert queue.depth()[0].blocked == 1
    queue.now += 7
    run(queue, "b", '{"result":2}')
    freed = queue.get("sum")
    assert (freed.state, freed.blocked, freed.available_ms) == ("waiting", 0, queue.now)
    given = queue.inputs("sum") or {}
    assert list(given.items()) == [("b", '{"result":2}'), ("a", '{"result":1}')]
    run(queue, "sum")


def test_what_has_completed_before_is_not_waited_for(queue: Queue) -> None:
    queue.submit("a")
    run(queue, "a")
    assert queue.submit("b", depends_on=("a",)).job.blocked == 0
    run(queue, "b")


@pytest.mark.parametrize(
    ("how", "state", "error"),
    [
        ("fail", "failed", "dependency-failed: a, which it depends on, failed"),
        ("lose", "failed", "dependency-failed: a, which it depends on, failed"),
        ("expire", "failed", "dependency-failed: a, which it depends on, failed"),
        ("cancel", "cancelled", "dependency-cancelled: a, which it depends on, was cancelled"),
    ],
)
def test_all_that_depend_on_it_end_with_it(
    queue: Queue, how: str, state: JobState, error: str
) -> None:
    queue.submit("a", max_attempts=1, start_within_ms=LEASE_MS)
    queue.submit("other")
    queue.submit("b", depends_on=("a", "other"))
    queue.submit("c", depends_on=("b",))
    queue.submit("d", depends_on=("other",))
    if how in ("fail", "lose"):
        assert queue.lease("w") == ["a"]
    if how == "fail":
        queue.fail("a", "w")
    elif how == "cancel":
        queue.cancel("a")
    else:
        queue.now += LEASE_MS
        queue.return_lost()
    for id in ("b", "c"):
        job = queue.get(id)
        assert (job.state, job.error, job.ended_ms) == (state, error, queue.now)
    assert queue.get("d").blocked == 1
    run(queue, "other")
    assert queue.state("b") == state
    run(queue, "d")


def test_an_attempt_that_fails_ends_nobody(queue: Queue) -> None:
    queue.submit("a", max_attempts=2)
    queue.submit("b", depends_on=("a",))
    queue.lease("w")
    queue.fail("a", "w")
    assert queue.get("b").blocked == 1
    queue.now += 10_000
    run(queue, "a")
    run(queue, "b")


@pytest.mark.parametrize("how", ["fail", "cancel"])
def test_who_depends_on_what_has_failed_is_a_dead_letter_from_the_start(
    queue: Queue, how: str
) -> None:
    queue.submit("a")
    if how == "cancel":
        queue.cancel("a")
    else:
        queue.lease("w")
        queue.fail("a", "w", retry=False)
    job = queue.submit("b", depends_on=("a",)).job
    assert job.state == "failed"
    words = "has failed" if how == "fail" else "was cancelled"
    assert job.error
    assert job.error.endswith(f"a, which it depends on, {words}")


def test_what_it_depends_on_has_to_be_there_and_of_the_same_tenant(queue: Queue) -> None:
    queue.submit("a")
    queue.submit("foreign", tenant="other")
    asked = {"depends_on": ("a", "foreign", "none")}
    assert queue.try_submit("b", **asked) == Missing(["foreign", "none"])
    assert queue.try_submit("b", depends_on=("b",)) == Invalid(
        "depends_on", "has b, which is the job itself"
    )
    assert queue.try_submit("b", depends_on=("a", "a")) == Invalid("depends_on", "has a twice")
    many = tuple(str(number) for number in range(MAX_DEPENDENCIES + 1))
    assert isinstance(queue.try_submit("b", depends_on=many), Invalid)
    assert queue.depth()[0].waiting == 2


def test_the_most_dependencies(queue: Queue) -> None:
    ids = tuple(str(number) for number in range(MAX_DEPENDENCIES))
    for id in ids:
        queue.submit(id)
    assert queue.submit("all", depends_on=ids).job.blocked == MAX_DEPENDENCIES


def test_a_repeated_submission_changes_nothing_and_another_one_is_a_conflict(queue: Queue) -> None:
    queue.submit("a")
    queue.submit("other")
    first = queue.submit("b", depends_on=("a",))
    assert queue.submit("b", depends_on=("a",)) == first
    assert queue.submit("b", depends_on=("other",)).is_conflict
    assert queue.submit("b").is_conflict
    assert queue.try_submit("b", depends_on=("none",)) == first._replace(is_conflict=True)
    assert queue.needed("b") == [("a", "waiting")]
    run(queue, "a")
    assert queue.submit("b", depends_on=("a",)).job.blocked == 0


def test_an_id_that_comes_again_makes_no_cycle(queue: Queue) -> None:
    """`a` is forgotten, and then submitted again as one that depends on what depended on it."""
    chain(queue, "a", "b")
    run(queue, "a")
    queue.now += 1
    assert queue.forget(queue.now) == 0  # b has not ended, and needs its result
    assert queue.lease("w") == ["b"]
    queue.fail("b", "w", retry=False)
    assert queue.forget(queue.now) == 1
    assert queue.try_submit("a", depends_on=("b",)) != Missing(["b"])
    assert queue.state("a") == "failed"  # as b has
    assert queue.revive("b", 1) == (False, "failed")  # its own a is there no more
    assert queue.needed("b") == [("a", None)]


def test_what_is_still_needed_is_kept(queue: Queue) -> None:
    chain(queue, "a", "b")
    run(queue, "a", '{"result":1}')
    queue.now += 1_000_000_000
    assert queue.forget(queue.now) == 0
    assert queue.inputs("b") == {"a": '{"result":1}'}
    run(queue, "b")
    queue.now += 1
    assert queue.forget(queue.now) == 2
    for table in ("dependencies", "lanes"):
        assert queue._do(queue.db.run(f"SELECT * FROM {table}")).rows == []


def test_a_dead_letter_waits_again_for_what_is_tried_again_before_it(queue: Queue) -> None:
    chain(queue, "a", "b", "c")
    queue.lease("w")
    queue.fail("a", "w", retry=False)
    assert queue.state("c") == "failed"
    assert queue.revive("b", 0) == (False, "failed")  # a has failed
    assert queue.revive("a", 1) == (True, "waiting")
    assert queue.state("b") == "failed"  # nobody asked for it
    assert queue.revive("c", 0) == (False, "failed")
    assert queue.revive("b", 0) == (True, "waiting")
    assert queue.revive("c", 0) == (True, "waiting")
    for id in ("a", "b", "c"):
        run(queue, id)


def test_callbacks_of_all_that_end_with_it_are_due(queue: Queue) -> None:
    for id, needs in (("a", ()), ("b", ("a",)), ("c", ("b",))):
        asked = submission(id, depends_on=needs)
        more = [registration(asked.key, f"https://hooks.example/{id}")]
        assert isinstance(queue._do(queue.jobs.submit(asked, queue.now, more)), Submitted)
    queue.cancel("a")
    due = asyncio.run(Callbacks(queue.db).take(9, queue.now, 1_000, "t"))
    assert {(each.key.id, each.outcome.state) for each in due} == {
        (id, "cancelled") for id in "abc"
    }


def test_inputs_that_are_too_large_are_not_given(queue: Queue) -> None:
    half = '{"result":"' + "x" * (MAX_INPUTS // 2 - 13) + '"}'
    for id in ("a", "b"):
        queue.submit(id)
        run(queue, id, half)
    queue.submit("c")
    run(queue, "c", '{"result":"ä"}')
    queue.submit("fits", depends_on=("a", "b"))
    queue.submit("large", depends_on=("a", "b", "c"))
    assert queue.inputs("fits") == {"a": half, "b": half}
    assert queue.inputs("large") is None


def test_who_completes_is_told_if_that_frees_a_job_of_the_agent(queue: Queue) -> None:
    queue.submit("a")
    queue.submit("b")
    queue.submit("poll", depends_on=("a",))
    queue.submit("edge", depends_on=("a", "b"), dispatch="edge")
    queue.lease("w", 2)
    assert type(queue.try_complete("a", "w")) is JobChange
    for _ in range(2):  # and so if it is repeated
        assert type(queue.try_complete("b", "w")) is Freeing


class World:
    """Jobs that depend on earlier ones, and a slow model of how each has to stand."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.needs: dict[str, tuple[str, ...]] = {}

    def jobs(self) -> dict[str, Job]:
        return {id: self.queue.get(id) for id in self.needs}

    def submit(self, numbers: list[int], attempts: int) -> None:
        known = list(self.needs)
        needs = tuple(dict.fromkeys(known[n % len(known)] for n in numbers)) if known else ()
        id = f"job-{len(known)}"
        self.queue.submit(id, depends_on=needs, max_attempts=attempts)
        self.needs[id] = needs

    def poll(self, limit: int) -> None:
        before = self.jobs()
        for id in self.queue.lease("w", limit):
            assert all(self.queue.state(need) == "completed" for need in self.needs[id])
            assert set(self.queue.inputs(id) or {}) == set(self.needs[id])
            assert before[id].state == "waiting" or before[id].lease_until_ms

    def act(self, number: int, verb: str, retry: bool) -> None:
        held = [id for id, job in self.jobs().items() if job.state == "leased"]
        if held:
            id = held[number % len(held)]
            attempt = self.queue.get(id).attempt
            for _ in range(2):  # whatever is repeated changes nothing more
                if verb == "complete":
                    assert self.queue.complete(id, "w", attempt).is_done
                else:
                    assert self.queue.fail(id, "w", attempt, retry=retry).is_done

    def cancel(self, number: int) -> None:
        if self.needs:
            self.queue.cancel(list(self.needs)[number % len(self.needs)])

    def revive(self, number: int) -> None:
        failed = [(id, job) for id, job in self.jobs().items() if job.state == "failed"]
        if failed:
            id, job = failed[number % len(failed)]
            states = [self.queue.state(need) for need in self.needs[id]]
            may = not {"failed", "cancelled"} & set(states)
            assert self.queue.revive(id, job.attempt).is_done is may

    def wait(self, ms: int) -> None:
        self.queue.now += ms

    def look(self) -> None:
        jobs = self.jobs()
        for id, job in jobs.items():
            states = [jobs[need].state for need in self.needs[id]]
            open_now = sum(state in ("waiting", "leased") for state in states)
            if job.state == "waiting":
                assert job.blocked == open_now
                assert not {"failed", "cancelled"} & set(states)
            if job.state in ("leased", "completed"):
                assert set(states) <= {"completed"}

    def finish(self) -> None:
        """All that waits can be done, so nothing waits for itself."""
        for _ in range(200):
            self.queue.now += 10 * LEASE_MS
            for id in self.queue.lease("w", 25):
                self.queue.complete(id, "w", self.queue.get(id).attempt)
        assert {job.state for job in self.jobs().values()} <= set(ENDED)


class Step(NamedTuple):
    verb: str
    values: tuple[Any, ...]


NUMBER = st.integers(0, 20)
STEPS = st.one_of(
    st.builds(
        Step,
        st.just("submit"),
        st.tuples(st.lists(NUMBER, max_size=3), st.integers(1, 2)),
    ),
    st.builds(Step, st.just("poll"), st.tuples(st.integers(1, 3))),
    st.builds(
        Step,
        st.just("act"),
        st.tuples(NUMBER, st.sampled_from(["complete", "complete", "fail"]), st.booleans()),
    ),
    st.builds(Step, st.sampled_from(["cancel", "revive"]), st.tuples(NUMBER)),
    st.builds(Step, st.just("wait"), st.tuples(st.sampled_from([1, 2_000, LEASE_MS]))),
)


@examples(60)
@given(st.lists(STEPS, min_size=20, max_size=40))
def test_jobs_stand_as_what_they_depend_on_has_them_stand(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        getattr(world, step.verb)(*step.values)
        world.look()
    world.finish()


def test_a_deep_chain_ends_at_once(queue: Queue) -> None:
    ids = [str(number) for number in range(1_500)]
    chain(queue, *ids)
    assert queue.cancel("0").is_done
    assert {queue.state(id) for id in ids} == {"cancelled"}
    assert queue._do(queue.jobs.get(key("1499")))
