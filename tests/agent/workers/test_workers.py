"""Registered workers from their first sign to their last, as trajectories."""

from __future__ import annotations

import pytest

from agent.queue.limits import SILENT_MS
from agent.workers.worker import (
    HEARTBEAT_MS,
    MAX_HELD,
    MAX_WORKERS,
    Load,
    TooMany,
    WorkerDetails,
    WorkerKey,
)
from agent.workers.workers import MARKED_AT_ONCE
from tests.agent.workers.making import LEASE_MS, SKILL, Place


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_worker_registers_and_stays_alive_with_its_heartbeats(place: Place) -> None:
    begun = place.now
    worker = place.register("ann", "resize", "crop", metadata={"version": "1.2"})
    assert (worker.capabilities, worker.region) == (["resize", "crop"], "eu")
    assert (worker.metadata, worker.registered_ms) == ({"version": "1.2"}, begun)
    for _ in range(10):
        place.now += HEARTBEAT_MS
        place.beat("ann")
    (listed,) = place.listed()
    assert (listed.registered_ms, listed.seen_ms) == (begun, place.now)
    assert listed.state(place.now + SILENT_MS - 1) == "alive"
    assert listed.state(place.now + SILENT_MS) == "lost"


def test_a_heartbeat_of_nobody_is_told_as_such(place: Place) -> None:
    assert place.beat("ann") is None
    place.register("ann")
    assert place.beat("ann", key="other") is None
    assert place.beat("bob") is None


def test_a_heartbeat_may_say_what_has_changed(place: Place) -> None:
    place.register("ann", metadata={"a": 1})
    worker = place.beat("ann", capabilities=["crop"], region="us")
    assert worker
    assert (worker.capabilities, worker.region, worker.metadata) == (["crop"], "us", {"a": 1})
    worker = place.beat("ann", metadata={})
    assert worker
    assert (worker.capabilities, worker.metadata) == (["crop"], {})


def test_a_heartbeat_that_comes_late_takes_nothing_back(place: Place) -> None:
    """Each isolate has a clock of its own, and a request may be overtaken."""
    place.register("ann")
    place.now += HEARTBEAT_MS
    place.beat("ann")
    seen = place.now
    place.now -= HEARTBEAT_MS
    worker = place.beat("ann")
    assert worker
    assert worker.seen_ms == seen


def test_registering_again_is_a_new_beginning_of_the_same_worker(place: Place) -> None:
    first = place.register("ann", "resize")
    place.now += 5_000
    again = place.register("ann", "crop")
    assert again.number == first.number
    assert (again.capabilities, again.registered_ms) == (["crop"], place.now)
    assert len(place.listed()) == 1


def test_a_silent_worker_loses_its_jobs_long_before_their_leases_end(place: Place) -> None:
    place.register("ann")
    for id in ("a", "b"):
        place.submit(id)
    assert place.poll("ann", 2) == ["a", "b"]
    place.now += SILENT_MS - 1
    assert place.poll("bob", 2) == []
    place.now += 1
    assert place.poll("bob", 2) == ["a", "b"]
    assert place.error("a") == "worker ann gave no sign of life in attempt 1"
    assert not place.complete("a", "ann")
    assert place.complete("a", "bob", 2)


def test_who_takes_over_a_job_does_not_depend_on_the_worker_before(place: Place) -> None:
    place.register("ann")
    place.submit("a")
    place.poll("ann", lease_ms=1_000)
    place.now += 1_000
    assert [key.id for key in place.return_lost().waiting] == ["a"]
    assert place.claim("a", "agent", 1)
    assert [worker.leased for worker in place.listed()] == [0]
    place.now += SILENT_MS
    assert place.return_lost() == ([], [])
    assert place.complete("a", "agent", 2)


def test_heartbeats_keep_leases_and_leases_still_run_out(place: Place) -> None:
    place.register("ann")
    place.submit("a")
    place.poll("ann", lease_ms=2 * SILENT_MS)
    for _ in range(5):
        place.now += HEARTBEAT_MS
        place.beat("ann")
        assert place.return_lost() == ([], [])
    place.now += HEARTBEAT_MS
    place.beat("ann")
    waiting, _ = place.return_lost()
    assert [key.id for key in waiting] == ["a"]
    assert place.error("a") == "the lease of attempt 1 ran out"


def test_a_poll_is_a_heartbeat(place: Place) -> None:
    place.register("ann")
    place.submit("a")
    place.poll("ann")
    for _ in range(8):
        place.now += SILENT_MS - 1
        assert place.poll("ann") == []
        assert place.return_lost() == ([], [])


def test_who_never_registered_is_bound_to_its_leases_only(place: Place) -> None:
    place.submit("a")
    place.poll("ann")
    place.now += 10 * SILENT_MS
    assert place.return_lost() == ([], [])
    assert place.poll("bob") == []
    place.register("ann")  # which is too late for this lease
    place.now += SILENT_MS
    assert place.return_lost() == ([], [])
    assert place.complete("a", "ann")


def test_two_keys_may_have_workers_of_one_name(place: Place) -> None:
    for key, id in (("one", "a"), ("two", "b")):
        place.register("ann", key=key)
        place.submit(id)
        assert place.poll("ann", key=key) == [id]
    place.now += SILENT_MS
    place.beat("ann", key="two")
    waiting, _ = place.return_lost()
    assert [key.id for key in waiting] == ["a"]
    assert place.complete("b", "ann")


def test_a_job_that_the_agent_took_over_does_not_need_the_worker(place: Place) -> None:
    place.register("ann")
    place.submit("a")
    place.poll("ann")
    place.hand_over("a", "ann", "cf-eu-1")
    place.now += SILENT_MS
    assert place.return_lost() == ([], [])
    assert place.complete("a", "cf-eu-1")


def test_a_job_that_the_agent_claims_does_not_need_who_had_it_before(place: Place) -> None:
    place.register("ann")
    place.submit("a")
    place.poll("ann")
    place.fail("a", "ann")
    place.now += SILENT_MS
    assert place.claim("a", "cf-eu-1", 1)
    assert place.return_lost() == ([], [])
    assert place.complete("a", "cf-eu-1", 2)


def test_the_last_attempt_of_a_lost_worker_is_a_dead_letter(place: Place) -> None:
    place.register("ann")
    place.submit("a", max_attempts=1)
    place.poll("ann")
    place.now += SILENT_MS
    _, failed = place.return_lost()
    assert [key.id for key in failed] == ["a"]


def test_a_lost_worker_is_marked_when_it_holds_nothing_any_more(place: Place) -> None:
    place.register("ann")
    place.register("bob")
    place.submit("a")
    place.poll("ann")
    place.now += SILENT_MS
    place.beat("bob")
    assert place.mark_lost() == []
    place.return_lost()
    assert place.mark_lost() == ["ann"]
    assert place.mark_lost() == []
    assert [worker.key.id for worker in place.listed("alive")] == ["bob"]
    assert [worker.key.id for worker in place.listed("lost")] == ["ann"]


def test_a_marked_worker_that_comes_back_counts_as_before(place: Place) -> None:
    place.register("ann")
    place.now += SILENT_MS
    assert place.mark_lost() == ["ann"]
    place.submit("a")
    assert place.poll("ann") == ["a"]
    assert [worker.key.id for worker in place.listed("alive")] == ["ann"]
    place.now += SILENT_MS
    waiting, _ = place.return_lost()
    assert [key.id for key in waiting] == ["a"]


def test_many_silent_workers_are_marked_in_batches(place: Place) -> None:
    for number in range(MARKED_AT_ONCE + 1):
        place.register(f"w-{number}")
    place.now += SILENT_MS
    assert [len(place.mark_lost()) for _ in range(3)] == [MARKED_AT_ONCE, 1, 0]


def test_lost_workers_are_forgotten_and_others_are_not(place: Place) -> None:
    begun = place.now
    for id in ("ann", "bob"):
        place.register(id)
    place.now += SILENT_MS
    place.beat("bob")
    place.mark_lost()
    assert place.do(place.workers.forget(begun)) == 0
    assert place.do(place.workers.forget(place.now + 1)) == 1
    assert [worker.key.id for worker in place.listed()] == ["bob"]
    assert place.beat("ann") is None


def test_a_key_has_so_many_workers_and_lost_ones_make_room(place: Place) -> None:
    for number in range(MAX_WORKERS):
        place.register(f"w-{number}")
    told = WorkerDetails(["resize"], "eu", {})
    asked = (WorkerKey("key", "new"), told, place.now)
    assert place.do(place.workers.register(*asked)) == TooMany(MAX_WORKERS)
    place.register("w-0")  # who is there may register again
    place.register("new", key="other")
    place.now += SILENT_MS
    for number in range(1, MAX_WORKERS):
        place.beat(f"w-{number}")
    place.mark_lost()
    place.register("new")
    ids = {worker.key.id for worker in place.listed(after=0)}
    assert "w-0" not in ids
    assert place.beat("new")


def test_the_list_is_by_key_state_and_capability_page_by_page(place: Place) -> None:
    place.register("ann", "resize", "crop")
    place.register("bob", "crop", key="other")
    place.register("eve", "crop")
    ids = [worker.key.id for worker in place.listed()]
    assert ids == ["ann", "eve"]
    assert [worker.key.id for worker in place.listed(tenant=None)] == ["ann", "bob", "eve"]
    assert [worker.key.id for worker in place.listed(capability="resize")] == ["ann"]
    assert place.listed(capability="resiz") == []
    first = place.listed()[0]
    assert [worker.key.id for worker in place.listed(after=first.number)] == ["eve"]


def test_the_list_names_the_jobs_that_a_worker_holds(place: Place) -> None:
    place.register("ann")
    for number in range(MAX_HELD + 1):
        place.submit(f"job-{number}")
    place.poll("ann", 25, lease_ms=60_000)
    place.poll("ann", 25, lease_ms=30_000)
    (worker,) = place.listed()
    assert (worker.leased, len(worker.held)) == (MAX_HELD + 1, MAX_HELD)
    first = worker.held[0]
    assert (first.tenant, first.job_id, first.attempt) == ("tenant", f"job-{MAX_HELD}", 1)
    assert first.lease_until_ms == place.now + 30_000


def test_the_load_counts_jobs_of_pollers_and_workers_that_are_alive(place: Place) -> None:
    place.register("ann", "resize", "crop")
    place.register("bob", "crop", key="other")
    for id in ("a", "b", "c"):
        place.submit(id)
        place.now += 100
    place.submit("edge", dispatch="edge")
    place.submit("x", skill="crop", tenant="second")
    place.poll("ann")
    loads = place.loads()
    assert loads.by_capability == {
        "crop": Load(1, 0, 0, 2),
        "resize": Load(2, 1, 200, 1),
    }
    assert loads.total == Load(3, 1, 200, 2)
    only = place.loads("crop")
    assert only.by_capability == {"crop": Load(1, 0, 0, 2)}
    assert only.total == Load(1, 0, 0, 2)
    nothing = place.loads("sing", "crop")
    assert nothing.by_capability["sing"] == Load()
    assert nothing.total == Load(1, 0, 0, 2)


def test_the_load_of_a_tenant_is_its_own(place: Place) -> None:
    place.submit("a")
    place.submit("b", tenant="second")
    place.submit("c", tenant="second")
    place.register("ann", key="second")
    assert place.loads(tenant="tenant").total == Load(1, 0, 0, 0)
    assert place.loads(tenant="second").total == Load(2, 0, 0, 1)
    assert place.loads(SKILL, tenant="second").total == Load(2, 0, 0, 1)
    place.now += SILENT_MS
    assert place.loads(tenant="second").total.workers == 0


def test_the_load_leaves_out_what_the_agent_runs_itself(place: Place) -> None:
    place.submit("a", dispatch="edge")
    asked = ("agent", [SKILL], 1, LEASE_MS, place.now, "ticket")
    assert len(place.do(place.jobs.lease(*asked, dispatch="edge"))) == 1  # type: ignore[arg-type]
    assert place.loads(SKILL).by_capability[SKILL] == Load()
