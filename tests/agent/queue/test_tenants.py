"""What each tenant may have in the queue, how long a job waits for a worker, and that an end
stands."""

from __future__ import annotations

import pytest

from agent.callbacks.callbacks import Callbacks, registration, withdrawal
from agent.queue.job import Contradiction, Full, Invalid, JobChange
from agent.queue.limits import MAX_START_WITHIN_MS, Limits
from tests.agent.queue.making import LEASE_MS, Queue, submission


def test_no_more_wait_than_may() -> None:
    queue = Queue(limits=Limits(waiting=3))
    queue.submit("a")
    queue.submit("b", dispatch="edge")
    first = queue.submit("c", depends_on=("a",))
    assert queue.try_submit("d") == Full("waiting", 3, 3)
    assert queue.submit("c", depends_on=("a",)) == first  # one that is there
    assert queue.submit("c", payload="[]").is_conflict
    assert queue.submit("d", tenant="other").job.state == "waiting"
    assert queue.submit("dead", error="there is no such thing").job.state == "failed"
    queue.lease("w")
    assert queue.submit("d").job.state == "waiting"
    assert queue.try_submit("e") == Full("waiting", 3, 3)
    queue.cancel("d")
    assert queue.submit("e").job.state == "waiting"


def test_no_more_bytes_than_may_be() -> None:
    queue = Queue(limits=Limits(bytes=10))
    queue.submit("a", payload='"ää"')
    assert queue.try_submit("b", payload="12345") == Full("bytes", 6, 10)
    assert queue.submit("b", payload="1234").job.state == "waiting"
    assert queue.try_submit("c", payload="1") == Full("bytes", 10, 10)
    queue.lease("w")  # which it holds in hand, and so does the table
    assert queue.try_submit("c", payload="1") == Full("bytes", 10, 10)
    queue.complete("a", "w")
    assert queue.submit("c", payload="1").job.state == "waiting"
    queue.lease("w")
    queue.fail("b", "w", retry=False)
    assert queue.revive("b", 1).is_done
    assert queue.try_submit("d", payload="123456") == Full("bytes", 5, 10)


def test_a_job_that_was_not_taken_has_no_callback() -> None:
    queue = Queue(limits=Limits(waiting=1))
    for id, url in (("a", "https://a.example/"), ("b", "https://b.example/")):
        around = ([registration(submission(id).key, url)], [withdrawal(submission(id).key)])
        queue._do(queue.jobs.submit(submission(id), queue.now, *around))
    callbacks = Callbacks(queue.db)
    assert queue._do(callbacks.of(submission("a").key))
    assert queue._do(callbacks.of(submission("b").key)) is None


def test_a_job_that_nobody_takes_in_time_fails() -> None:
    queue = Queue()
    job = queue.submit("odd", capability="fold-proteins", start_within_ms=60_000).job
    assert job.start_within_ms == 60_000
    queue.submit("forever", capability="fold-proteins")
    queue.now += 59_999
    assert queue.return_lost() == ([], [])
    queue.now += 1
    assert queue.lease("ann", skills=["fold-proteins"]) == ["forever"]
    expired = queue.get("odd")
    assert (expired.state, expired.ended_ms, expired.attempt) == ("failed", queue.now, 0)
    assert expired.error == (
        "expired: no worker took it within 60 s; start one that polls with the capability "
        "fold-proteins"
    )
    assert queue.revive("odd", 0) == (True, "waiting")
    queue.now += 59_999
    assert queue.lease("ann", skills=["fold-proteins"]) == ["odd"]


def test_time_runs_anew_whenever_a_job_waits_again_and_not_while_it_is_blocked() -> None:
    queue = Queue()
    queue.submit("root")
    queue.submit("sum", depends_on=("root",), start_within_ms=LEASE_MS)
    queue.now += 10 * LEASE_MS
    assert queue.lease("ann") == ["root"]
    queue.complete("root", "ann")
    queue.now += LEASE_MS - 1
    assert queue.lease("ann") == ["sum"]
    queue.now += LEASE_MS
    assert len(queue.return_lost().waiting) == 1
    queue.now += LEASE_MS - 1
    assert queue.return_lost() == ([], [])
    queue.now += 1
    assert len(queue.return_lost().failed) == 1
    assert "expired" in str(queue.get("sum").error)


def test_a_job_that_expired_was_not_ended_by_the_worker_that_had_it_before() -> None:
    queue = Queue()
    queue.submit("odd", start_within_ms=LEASE_MS)
    assert queue.lease("ann") == ["odd"]
    queue.fail("odd", "ann")
    queue.now += 10 * LEASE_MS
    assert len(queue.return_lost().failed) == 1
    assert queue.get("odd").worker is None
    assert queue.try_fail("odd", "ann") == (False, "failed")


@pytest.mark.parametrize("within", [0, MAX_START_WITHIN_MS + 1])
def test_times_to_wait_that_cannot_be(within: int) -> None:
    found = Queue().try_submit("a", start_within_ms=within)
    assert isinstance(found, Invalid)
    assert found.field == "start_within_ms"


def test_an_end_that_was_told_stands() -> None:
    queue = Queue()
    queue.submit("sum")
    queue.lease("ann")
    assert queue.complete("sum", "ann", result='{"a":1,"b":[2]}').is_done
    assert queue.complete("sum", "ann", result='{"b":[2],"a":1}').is_done
    for other in ('{"a":1,"b":[3]}', '{"a":true,"b":[2]}', "null"):
        assert queue.try_complete("sum", "ann", result=other) == Contradiction("completed")
    assert queue.try_complete("sum", "bob", result="null") == JobChange(False, "completed")
    assert queue.try_complete("sum", "ann", 2, result="null") == JobChange(False, "completed")
    assert queue.get("sum").result == '{"a":1,"b":[2]}'
    assert queue.fail("sum", "ann") == JobChange(False, "completed")


def test_a_failure_that_was_told_stands() -> None:
    queue = Queue()
    queue.submit("sum", max_attempts=2)
    queue.lease("ann")
    assert queue.fail("sum", "ann") == (True, "waiting")
    assert queue.fail("sum", "ann", jitter=1.0) == (True, "waiting")
    assert queue.try_fail("sum", "ann", error="other") == Contradiction("waiting")
    assert queue.try_fail("sum", "ann", retry=False) == Contradiction("waiting")
    assert queue.complete("sum", "ann") == (False, "waiting")
    queue.now += 10_000
    queue.lease("ann")
    assert queue.try_fail("sum", "ann", error="late") == JobChange(False, "leased")
    assert queue.fail("sum", "ann", 2) == (True, "failed")  # the last attempt
    assert queue.fail("sum", "ann", 2, retry=False) == (True, "failed")
    assert queue.try_fail("sum", "ann", 2, error="other") == Contradiction("failed")

    queue.submit("once")
    queue.lease("ann")
    assert queue.fail("once", "ann", retry=False) == (True, "failed")
    assert queue.try_fail("once", "ann", retry=True) == Contradiction("failed")
