"""Jobs from their submission to their end, as trajectories."""

from __future__ import annotations

import pytest

from agent.queue.job import JobChange, QueueDepth
from agent.queue.jobs import FORGOTTEN_AT_ONCE, LOST_AT_ONCE
from tests.agent.queue.making import LEASE_MS, SKILL, TENANT, Queue, key


@pytest.fixture
def queue() -> Queue:
    return Queue()


def test_a_job_is_submitted_leased_and_completed(queue: Queue) -> None:
    begun = queue.now
    queue.submit("sum", payload='{"code": "2 + 2"}')
    assert queue.state("sum") == "waiting"
    queue.now += 5
    assert queue.lease("ann") == ["sum"]
    leased = queue.get("sum")
    assert (leased.state, leased.worker, leased.attempt) == ("leased", "ann", 1)
    assert leased.lease_until_ms == queue.now + LEASE_MS
    queue.now += 7
    assert queue.complete("sum", "ann", result="4") == JobChange(True, "completed")
    done = queue.get("sum")
    assert (done.payload, done.result, done.error) == ('{"code": "2 + 2"}', "4", None)
    assert (done.submitted_ms, done.ended_ms) == (begun, begun + 12)
    assert done.lease_until_ms is None
    assert queue.lease("bob") == []


def test_the_same_id_again_gives_the_existing_job(queue: Queue) -> None:
    first = queue.submit("sum", payload="[1]")
    assert not first.is_conflict
    queue.now += 100
    again = queue.submit("sum", payload="[1]", priority=9)
    assert again == first  # the priority, too, is the first one's
    other = queue.submit("sum", payload="[2]")
    assert other.is_conflict
    assert other.job == first.job
    assert queue.submit("sum", payload="[1]", capability="other").is_conflict
    assert queue.lease("ann") == ["sum"]
    queue.complete("sum", "ann")
    assert queue.submit("sum", payload="[1]").job.state == "completed"
    assert queue.lease("ann") == []


def test_the_highest_priority_goes_first_then_the_oldest(queue: Queue) -> None:
    for id, priority in (("a", 1), ("b", 9), ("c", 1), ("d", 9), ("e", 0), ("f", 5)):
        queue.submit(id, priority=priority)
        queue.now += 1
    for id, priority in (("g", 5), ("h", 9)):
        queue.submit(id, priority=priority, capability="other")
    assert queue.lease("ann", limit=3, skills=[SKILL, "other"]) == ["b", "d", "h"]
    assert queue.lease("ann", limit=9, skills=[SKILL, "other"]) == ["f", "g", "a", "c", "e"]


def test_a_worker_gets_only_what_it_can_do(queue: Queue) -> None:
    queue.submit("sum", capability=SKILL)
    queue.submit("page", capability="web-scraping", priority=9)
    assert queue.lease("ann", limit=9, skills=["ai-completion"]) == []
    assert queue.lease("ann", limit=9) == ["sum"]
    assert queue.lease("ann", limit=9, skills=["web-scraping", SKILL, SKILL]) == ["page"]


def test_a_poll_that_is_repeated_gets_the_same_jobs(queue: Queue) -> None:
    for number in range(5):
        queue.submit(str(number))
    assert queue.lease("ann", limit=2, ticket="t") == ["0", "1"]
    queue.now += 1_000
    assert queue.lease("ann", limit=2, ticket="t") == ["0", "1"]
    assert queue.get("0").attempt == 1
    assert queue.get("0").lease_until_ms == queue.now - 1_000 + LEASE_MS
    assert queue.lease("ann", limit=2, ticket="u") == ["2", "3"]
    assert queue.lease("bob", limit=2, ticket="t") == ["4"]  # whose ticket is another one
    assert queue.lease("ann", limit=2, ticket="t", tenant="other") == []
    assert queue.lease("ann", limit=2, ticket="t") == ["0", "1"]


def test_a_lost_lease_goes_to_another_and_its_worker_changes_nothing_more(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    queue.now += LEASE_MS - 1
    assert queue.lease("bob") == []
    assert queue.return_lost() == ([], [])
    queue.now += 1
    assert queue.lease("bob") == ["sum"]
    assert queue.get("sum").attempt == 2
    assert queue.get("sum").error == "the lease of attempt 1 ran out"
    for refused in (queue.complete, queue.fail, queue.extend):
        assert refused("sum", "ann") == JobChange(False, "leased")
        assert refused("sum", "ann", attempt=2) == JobChange(False, "leased")
    assert queue.get("sum").worker == "bob"
    assert queue.complete("sum", "bob", attempt=2, result="5").is_done
    assert queue.complete("sum", "ann") == JobChange(False, "completed")
    done = queue.get("sum")
    assert (done.result, done.error) == ("5", None)


def test_the_same_worker_with_a_later_lease_is_fenced_by_the_attempt(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    queue.now += LEASE_MS
    assert queue.lease("ann") == ["sum"]
    second = queue.get("sum")
    for refused in (queue.complete, queue.fail, queue.extend):
        assert not refused("sum", "ann", attempt=1).is_done
        assert queue.get("sum") == second
    assert queue.complete("sum", "ann", attempt=2).is_done


def test_a_lease_declared_lost_counts_no_more_before_another_has_it(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    queue.now += LEASE_MS
    assert queue.return_lost() == ([key("sum")], [])
    assert queue.return_lost() == ([], [])
    for refused in (queue.complete, queue.fail, queue.extend):
        assert refused("sum", "ann") == JobChange(False, "waiting")


def test_a_lease_that_ran_out_counts_until_it_is_declared_lost(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    queue.now += 2 * LEASE_MS
    assert queue.complete("sum", "ann").is_done
    assert queue.return_lost() == ([], [])
    assert queue.state("sum") == "completed"


def test_what_is_told_twice_is_done_once(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    assert queue.complete("sum", "ann", result="4").is_done
    ended = queue.get("sum")
    queue.now += 10
    assert queue.complete("sum", "ann", result="4") == JobChange(True, "completed")
    assert queue.get("sum") == ended
    assert queue.fail("sum", "ann") == JobChange(False, "completed")

    queue.submit("other")
    queue.lease("ann")
    assert queue.fail("other", "ann") == JobChange(True, "waiting")
    failed = queue.get("other")
    queue.now += 10
    assert queue.fail("other", "ann") == JobChange(True, "waiting")
    assert queue.get("other") == failed


def test_a_lease_can_be_extended_and_never_shortened(queue: Queue) -> None:
    queue.submit("sum")
    queue.lease("ann")
    queue.now += LEASE_MS - 1
    assert queue.extend("sum", "ann").is_done
    until = queue.now + LEASE_MS
    assert queue.get("sum").lease_until_ms == until
    assert queue.extend("sum", "ann", lease_ms=1_000).is_done
    assert queue.get("sum").lease_until_ms == until
    queue.now = until - 1
    assert queue.lease("bob") == []
    assert queue.extend("sum", "bob") == JobChange(False, "leased")


@pytest.mark.parametrize(
    ("jitter", "waits"),
    [
        (0.0, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000]),
        (0.5, [1_500, 3_000, 6_000, 12_000, 24_000, 48_000, 96_000, 192_000, 225_000, 225_000]),
        (1.0, [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]),
    ],
)
def test_a_failed_job_waits_longer_each_time(queue: Queue, jitter: float, waits: list[int]) -> None:
    queue.submit("sum", max_attempts=len(waits) + 1)
    found = []
    for attempt in range(1, len(waits) + 1):
        assert queue.lease("ann") == ["sum"]
        assert queue.fail("sum", "ann", attempt, jitter=jitter) == JobChange(True, "waiting")
        wait = queue.get("sum").available_ms - queue.now
        queue.now += wait - 1
        assert queue.lease("ann") == []
        queue.now += 1
        found.append(wait)
    assert found == waits


def test_after_its_last_attempt_a_job_is_a_dead_letter(queue: Queue) -> None:
    queue.submit("sum", max_attempts=2)
    queue.lease("ann")
    assert queue.fail("sum", "ann") == JobChange(True, "waiting")
    queue.now += 10_000
    queue.lease("ann")
    assert queue.fail("sum", "ann", attempt=2) == JobChange(True, "failed")
    dead = queue.get("sum")
    assert (dead.error, dead.ended_ms, dead.attempt) == ("no luck", queue.now, 2)
    queue.now += 10_000_000
    assert queue.lease("ann") == []


def test_what_cannot_go_well_is_a_dead_letter_at_once(queue: Queue) -> None:
    queue.submit("sum", max_attempts=9)
    queue.lease("ann")
    assert queue.fail("sum", "ann", retry=False) == JobChange(True, "failed")
    assert queue.state("sum") == "failed"


def test_a_job_whose_leases_run_out_is_a_dead_letter(queue: Queue) -> None:
    queue.submit("sum", max_attempts=2)
    for _ in range(2):
        assert queue.lease("ann") == ["sum"]
        queue.now += LEASE_MS
    assert queue.return_lost() == ([], [key("sum")])
    assert queue.get("sum").error == "the lease of attempt 2 ran out"
    assert queue.complete("sum", "ann", attempt=2) == JobChange(False, "failed")


def test_a_poll_alone_finds_dead_letters(queue: Queue) -> None:
    queue.submit("sum", max_attempts=1)
    queue.lease("ann")
    queue.now += LEASE_MS
    assert queue.lease("bob") == []
    assert queue.state("sum") == "failed"


def test_cancelling_in_each_state(queue: Queue) -> None:
    queue.submit("waiting")
    assert queue.cancel("waiting") == JobChange(True, "cancelled")
    ended = queue.get("waiting")
    queue.now += 10
    assert queue.cancel("waiting") == JobChange(True, "cancelled")
    assert queue.get("waiting") == ended
    assert queue.lease("ann") == []

    queue.submit("leased")
    queue.lease("ann")
    assert queue.cancel("leased") == JobChange(True, "cancelled")
    for refused in (queue.complete, queue.fail, queue.extend):
        assert refused("leased", "ann") == JobChange(False, "cancelled")
    queue.now += LEASE_MS
    assert queue.return_lost() == ([], [])

    queue.submit("completed")
    queue.lease("ann")
    queue.complete("completed", "ann")
    assert queue.cancel("completed") == JobChange(False, "completed")

    queue.submit("failed")
    queue.lease("ann")
    queue.fail("failed", "ann", retry=False)
    assert queue.cancel("failed") == JobChange(False, "failed")

    assert queue.cancel("nobody") == JobChange(False, None)


def test_tenants_do_not_see_each_other(queue: Queue) -> None:
    queue.submit("sum", tenant="a", payload="[1]")
    assert not queue.submit("sum", tenant="b", payload="[2]").is_conflict
    assert queue.get("sum", tenant="a").payload == "[1]"
    assert queue.get("sum", tenant="b").payload == "[2]"
    assert queue.cancel("sum", tenant="c") == JobChange(False, None)
    assert queue.lease("ann", limit=9, tenant="c") == []
    assert queue.lease("ann", limit=9, tenant="b") == ["sum"]
    assert queue.get("sum", tenant="a").state == "waiting"
    assert queue.lease("agent", limit=9) == ["sum"]  # who works for all of them


def test_depth_tells_what_waits_and_for_how_long(queue: Queue) -> None:
    assert queue.depth() == []
    for id in ("a", "b", "c", "d", "e"):
        queue.submit(id)
    queue.submit("page", capability="web-scraping")
    queue.lease("ann", limit=4)
    queue.complete("a", "ann")
    queue.fail("b", "ann", retry=False)
    queue.fail("c", "ann")
    queue.now += 500
    assert queue.depth() == [
        QueueDepth(SKILL, waiting=1, delayed=1, leased=1, failed=1, oldest_ms=500),
        QueueDepth("web-scraping", waiting=1, delayed=0, leased=0, failed=0, oldest_ms=500),
    ]


def test_only_jobs_that_ended_are_forgotten(queue: Queue) -> None:
    for id in ("old", "waiting", "leased", "new"):
        queue.submit(id, priority=9 if id != "waiting" else 0)
    queue.lease("ann", limit=3)
    queue.complete("old", "ann")
    queue.now += 1_000
    queue.complete("new", "ann")
    assert queue.forget(queue.now) == 1
    assert queue.forget(queue.now) == 0
    assert {queue.state(id) for id in ("waiting", "leased", "new")} == {
        *("waiting", "leased", "completed"),
    }
    assert not queue.submit("old", payload="[]").is_conflict  # a new job
    assert queue.state("old") == "waiting"


def test_large_numbers_are_dealt_with_some_at_a_time(queue: Queue) -> None:
    number = FORGOTTEN_AT_ONCE + 1
    assert number > LOST_AT_ONCE
    for id in range(number):
        queue.submit(str(id), max_attempts=1)
    while queue.lease("ann", limit=25):
        pass
    queue.now += LEASE_MS
    failed: list[object] = []
    while found := queue.return_lost().failed:
        assert len(found) <= LOST_AT_ONCE
        failed += found
    assert len(failed) == number
    assert [queue.forget(queue.now + 1) for _ in range(3)] == [number - 1, 1, 0]


def test_jobs_for_the_edge_and_for_those_who_poll_are_apart() -> None:
    queue = Queue()
    queue.submit("ours", dispatch="edge")
    queue.submit("theirs")
    assert queue.lease("a", 5) == ["theirs"]
    assert queue.lease("b", 5, dispatch="edge") == ["ours"]
    assert queue.lease("c", 5, dispatch="edge", tenant=TENANT) == []


def test_a_dead_letter_from_the_start() -> None:
    queue = Queue()
    job = queue.submit("odd", error="there is no such thing").job
    assert (job.state, job.error, job.ended_ms) == ("failed", "there is no such thing", queue.now)
    assert queue.lease("a", 5) == []
    assert queue.submit("odd").job.state == "failed"


def test_a_lease_is_handed_over_once() -> None:
    queue = Queue()
    queue.submit("sum")
    queue.lease("poller")
    assert queue.hand_over("sum", "poller", "run-1") == (True, "leased")
    assert queue.hand_over("sum", "poller", "run-1") == (True, "leased")  # asked again
    assert queue.hand_over("sum", "poller", "run-2") == (False, "leased")
    assert not queue.complete("sum", "poller").is_done
    assert queue.complete("sum", "run-1").is_done
    assert queue.hand_over("sum", "poller", "run-1") == (False, "completed")
    assert queue.hand_over("none", "poller", "run-1") == (False, None)


def test_a_job_is_claimed_by_one() -> None:
    queue = Queue()
    queue.submit("sum")
    queue.submit("other")
    assert queue.claim("sum", "run-1") == (True, "leased")
    assert queue.claim("sum", "run-1") == (True, "leased")  # asked again
    assert queue.claim("sum", "run-2") == (False, "leased")
    assert queue.claim("sum", "run-2", attempt=1) == (False, "leased")
    assert queue.lease("poller") == ["other"]
    assert queue.claim("other", "run-2") == (False, "leased")
    assert queue.complete("sum", "run-1").is_done
    assert queue.claim("sum", "run-1") == (False, "completed")
    assert queue.claim("none", "run-1") == (False, None)


def test_a_claim_that_is_repeated_later_takes_nothing() -> None:
    queue = Queue()
    queue.submit("sum", max_attempts=3)
    assert queue.claim("sum", "run-1").is_done
    queue.now += LEASE_MS
    queue.return_lost()
    assert queue.claim("sum", "run-1") == (False, "waiting")
    assert queue.claim("sum", "run-2", attempt=1).is_done


def test_a_job_that_has_to_wait_is_not_claimed() -> None:
    queue = Queue()
    queue.submit("sum")
    queue.lease("a")
    queue.fail("sum", "a")
    assert queue.claim("sum", "run-1", attempt=1) == (False, "waiting")
    queue.now += 10_000
    assert queue.claim("sum", "run-1", attempt=1).is_done


def test_a_dead_letter_is_revived_once() -> None:
    queue = Queue()
    queue.submit("sum", max_attempts=1)
    queue.lease("a")
    queue.fail("sum", "a")
    assert queue.state("sum") == "failed"
    assert queue.revive("sum", 1) == (True, "waiting")
    assert queue.lease("b") == ["sum"]
    queue.fail("sum", "b", attempt=2)
    assert queue.revive("sum", 1) == (True, "waiting")  # the first answer again: it had waited
    queue.cancel("sum")
    assert queue.revive("sum", 2) == (False, "cancelled")


def test_a_tenants_jobs_are_listed_the_youngest_first() -> None:
    queue = Queue()
    for id in "abc":
        queue.submit(id, payload='{"large": 1}')
        queue.now += 1
    queue.submit("d", tenant="other")
    assert queue.listed("waiting", 2) == ["c", "b"]
    assert queue.listed("waiting", 5, before_ms=queue.now - 2) == ["a"]
    assert queue.listed("failed", 5) == []
