"""Which isolate a job gets: trajectories of jobs and what is due after each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.sandbox.pool import Care, Pool, Sizes


def test_one_is_made_ready_after_a_job_and_used_once() -> None:
    pool = Pool("p")
    assert pool.take("a", 0) == "p/a/1"
    assert pool.finish("p/a/1", "a", 1) == Care(("p/a/1",), ("p/a/2",))
    assert pool.take("a", 2) == "p/a/2"
    assert pool.finish("p/a/2", "a", 3) == Care(("p/a/2",), ("p/a/3",))


def test_a_tenant_never_gets_what_was_made_ready_for_another() -> None:
    pool = Pool("p")
    assert pool.take("a", 0) == "p/a/1"
    pool.finish("p/a/1", "a", 1)
    assert pool.take("b", 2) == "p/b/3"


def test_the_quietest_gives_up_its_own() -> None:
    pool = Pool("p", Sizes(ready_of_tenant=1, ready_all=2, all=4))
    for now, tenant in enumerate("abc"):
        isolate = pool.take(tenant, now)
        assert isolate
        care = pool.finish(isolate, tenant, now)
    assert care == Care(("p/c/5", "p/a/2"), ("p/c/6",))
    assert pool.take("b", 9) == "p/b/4"
    assert pool.take("a", 9) == "p/a/7"


def test_a_full_house_takes_no_more() -> None:
    pool = Pool("p", Sizes(ready_of_tenant=1, ready_all=2, all=2))
    assert [pool.take("a", 0), pool.take("b", 0)] == ["p/a/1", "p/b/2"]
    assert pool.take("c", 0) is None
    assert pool.finish("p/a/1", "a", 1) == Care(("p/a/1",), ("p/a/3",))
    # A ready one makes room for a job.
    assert pool.take("c", 2) == "p/c/4"
    assert (pool.ready, pool.running) == (0, 2)


def test_one_tenant_never_holds_all_of_them() -> None:
    pool = Pool("p", Sizes(all=4, of_tenant=3))
    taken = [pool.take("a", 0) for _ in range(4)]
    assert taken == ["p/a/1", "p/a/2", "p/a/3", None]
    assert not pool.has_room("a", 0)
    assert pool.has_room("b", 0)
    assert pool.take("b", 1) == "p/b/4"
    pool.finish("p/a/1", "a", 2)
    assert pool.has_room("a", 2)
    assert Sizes().of_tenant < Sizes().all


def test_what_idles_ends() -> None:
    pool = Pool("p", Sizes(idle_ms=100))
    pool.finish(pool.take("a", 0) or "", "a", 0)
    pool.take("b", 101)
    assert pool.finish("p/b/3", "b", 101) == Care(("p/b/3", "p/a/2"), ("p/b/4",))


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=60))
def test_bounds_hold_and_none_runs_twice(steps: list[tuple[str, bool]]) -> None:
    pool = Pool("p", Sizes(ready_of_tenant=2, ready_all=3, all=5, of_tenant=3))
    running: list[tuple[str, str]] = []
    taken: set[str] = set()
    alive: set[str] = set()
    for now, (tenant, begins) in enumerate(steps):
        if begins:
            isolate = pool.take(tenant, now)
            if isolate:
                assert isolate not in taken
                assert isolate.split("/")[1] == tenant
                taken.add(isolate)
                alive.add(isolate)
                running.append((isolate, tenant))
        elif running:
            isolate, owner = running.pop(0)
            care = pool.finish(isolate, owner, now)
            alive = (alive - set(care.end)) | set(care.start)
            assert not set(care.end) & {name for name, _ in running}
        assert pool.ready <= 3
        assert pool.ready + pool.running <= 5
        assert pool.running == len(running)
        assert all(sum(owner == each for _, owner in running) <= 3 for each in "abcde")


def test_a_job_that_was_cut_off_does_not_hold_its_isolate_for_ever() -> None:
    pool = Pool("p", Sizes(all=1, run_ms=100))
    lost = pool.take("a", 0)
    assert lost
    assert not pool.has_room("b", 100)
    assert pool.take("b", 100) is None
    assert pool.has_room("b", 101)
    other = pool.take("b", 101)
    assert other
    assert pool.finish(other, "b", 102).end == (other, lost)
