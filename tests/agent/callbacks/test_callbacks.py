"""Callbacks from their registration to their end, as trajectories."""

from __future__ import annotations

import asyncio

import pytest

from agent.callbacks.callback import MAX_ATTEMPTS, MAX_URL, OutboxDepth, Verdict
from agent.callbacks.callbacks import refused_url
from agent.callbacks.delivery import LEASE_MS
from agent.callbacks.message import message_id
from agent.callbacks.verdict import LONGEST_WAIT_MS
from agent.core.web.egress import Egress
from tests.agent.callbacks.making import URL, Outbox
from tests.agent.queue.making import LEASE_MS as JOB_LEASE_MS
from tests.agent.queue.making import key


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def test_it_is_due_when_its_job_has_ended_and_not_before(outbox: Outbox) -> None:
    outbox.submit_with_callback("sum")
    assert outbox.take() == []
    outbox.lease("ann")
    outbox.now += 5
    outbox.fail("sum", "ann")
    assert outbox.callback("sum").state == "pending"  # the job has an attempt left
    outbox.now += 10_000
    outbox.lease("ann")
    outbox.complete("sum", "ann", attempt=2, result='{"a": 1}')
    assert (outbox.callback("sum").state, outbox.callback("sum").due_ms) == ("due", outbox.now)
    (due,) = outbox.take()
    assert (due.key, due.url, due.attempt) == (key("sum"), URL, 1)
    outcome = due.outcome
    assert (outcome.state, outcome.attempt, outcome.worker) == ("completed", 2, "ann")
    assert (outcome.result, outcome.error) == ('{"a": 1}', None)
    assert outcome.ended_ms == outbox.now


def test_every_end_of_a_job(outbox: Outbox) -> None:
    for id in ("failed", "lost", "cancelled"):
        outbox.submit_with_callback(id)
        outbox.lease("ann")
        if id == "failed":
            outbox.fail(id, "ann", retry=False)
        elif id == "cancelled":
            outbox.cancel(id)
        else:
            outbox.now += JOB_LEASE_MS
            outbox.lease("ann")
            outbox.now += JOB_LEASE_MS
            outbox.return_lost()
    outcomes = {due.key.id: due.outcome for due in outbox.take()}
    told = {id: (each.state, each.error) for id, each in outcomes.items()}
    assert told == {
        "failed": ("failed", "no luck"),
        "lost": ("failed", "the lease of attempt 2 ran out"),
        "cancelled": ("cancelled", None),
    }


def test_a_job_that_is_a_dead_letter_from_the_start(outbox: Outbox) -> None:
    outbox.submit_with_callback("dead", error="no such capability")
    (due,) = outbox.take()
    assert (due.outcome.state, due.outcome.attempt) == ("failed", 0)
    assert due.outcome.error == "no such capability"


@pytest.mark.parametrize("last", ["due", "leased", "delivered"])
def test_a_dead_letter_that_is_tried_again_has_another_end(outbox: Outbox, last: str) -> None:
    outbox.submit_with_callback("sum", error="no such capability")
    (first,) = outbox.take() if last != "due" else [None]
    if first and last == "delivered":
        outbox.settle(first, Verdict("delivered", 200))
    assert outbox.callback("sum").state == last
    asyncio.run(outbox.jobs.revive(key("sum"), 0, 3, outbox.now))
    pending = outbox.callback("sum")
    assert (pending.state, pending.attempt, pending.due_ms) == ("pending", 0, None)
    outbox.lease("ann")
    outbox.now += 1
    outbox.complete("sum", "ann")
    (second,) = outbox.take(ticket="u")
    assert (second.outcome.state, second.attempt) == ("completed", 1)
    if first:
        assert message_id(first) != message_id(second)
        outbox.settle(first, Verdict("failed", 410))  # whose lease is gone
        assert outbox.callback("sum").state == "leased"


def test_the_first_submission_decides(outbox: Outbox) -> None:
    outbox.submit("without")
    outbox.submit_with_callback("without")
    assert asyncio.run(outbox.callbacks.of(key("without"))) is None
    outbox.submit_with_callback("with")
    outbox.submit_with_callback("with", "https://hooks.example/other")
    assert outbox.callback("with").url == URL


def test_tenants_have_their_own(outbox: Outbox) -> None:
    outbox.submit_with_callback("sum", f"{URL}/a", tenant="a")
    outbox.submit_with_callback("sum", f"{URL}/b", tenant="b")
    outbox.cancel("sum", tenant="b")
    assert outbox.callback("sum", tenant="a").state == "pending"
    assert [due.url for due in outbox.take()] == [f"{URL}/b"]
    outbox.now += 1
    outbox.cancel("sum", tenant="a")
    assert outbox.forget(outbox.now) == 1
    assert outbox.callback("sum", tenant="a").state == "due"
    assert asyncio.run(outbox.callbacks.of(key("sum", "b"))) is None


def test_those_that_are_due_the_longest_go_first_and_each_once(outbox: Outbox) -> None:
    for id in "abcd":
        outbox.now += 1
        outbox.ended(id)
    assert [due.key.id for due in outbox.take(2, "t")] == ["a", "b"]
    assert [due.key.id for due in outbox.take(2, "t")] == ["a", "b"]  # asked again
    assert [due.key.id for due in outbox.take(9, "u")] == ["c", "d"]
    assert outbox.take(9, "v") == []


def test_a_verdict_is_taken_once_from_who_holds_the_lease(outbox: Outbox) -> None:
    outbox.ended("sum")
    (first,) = outbox.take()
    again = Verdict("due", 503, "answered 503", outbox.now + 10)
    outbox.settle(first, again)
    outbox.now += 10
    (second,) = outbox.take(ticket="u")
    held = outbox.callback("sum")
    assert (held.state, held.attempt, held.status) == ("leased", 2, 503)
    for late in (again, Verdict("delivered", 200), Verdict("failed", 410)):
        outbox.settle(first, late)
        assert outbox.callback("sum") == held
    outbox.settle(second, Verdict("delivered", 204))
    done = outbox.callback("sum")
    assert (done.state, done.status, done.error, done.ended_ms) == (
        *("delivered", 204, None, outbox.now),
    )
    outbox.settle(second, again)
    assert outbox.callback("sum") == done


def test_a_lost_lease_is_given_back_and_waits(outbox: Outbox) -> None:
    outbox.ended("sum")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (due,) = outbox.take(ticket=f"t-{attempt}")
        assert due.attempt == attempt
        outbox.now += LEASE_MS
        assert outbox.take(ticket=f"u-{attempt}") == []
        lost = outbox.callback("sum")
        assert lost.error == f"the lease of attempt {attempt} ran out"
        if attempt < MAX_ATTEMPTS:
            assert lost.due_ms == outbox.now + min(LONGEST_WAIT_MS, 10_000 * 2 ** (attempt - 1))
            outbox.now = lost.due_ms
    assert (lost.state, lost.ended_ms) == ("failed", outbox.now)
    outbox.settle(due, Verdict("delivered", 200))
    assert outbox.callback("sum") == lost


def test_depth_and_what_is_forgotten(outbox: Outbox) -> None:
    outbox.ended("dead", "leased", "delayed", "due")
    outbox.submit_with_callback("pending")
    dead, _, delayed = outbox.take(3)
    outbox.settle(dead, Verdict("failed", 410, "answered 410"))
    outbox.settle(delayed, Verdict("due", 503, "answered 503", outbox.now + 1_000))
    outbox.now += 500
    assert asyncio.run(outbox.callbacks.depth(outbox.now)) == OutboxDepth(1, 1, 1, 1, 500)
    assert outbox.forget(outbox.now + 1) == 4  # jobs, with their callbacks
    assert asyncio.run(outbox.callbacks.of(key("dead"))) is None
    assert asyncio.run(outbox.callbacks.depth(outbox.now)) == OutboxDepth(0, 0, 0, 0, 0)
    outbox.callback("pending")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (URL, None),
        (URL + "x" * (MAX_URL - len(URL)), None),
        (URL + "x" * (MAX_URL - len(URL) + 1), "has 2,049 characters, at most 2,048 may be"),
        ("https://hooks.example/ä", "must be printable ASCII without spaces"),
        ("https://hooks.example/\r\nx: y", "must be printable ASCII without spaces"),
        ("", "must be printable ASCII without spaces"),
        ("https://other.example/", "requests to https://other.example are not allowed here"),
        ("https://169.254.169.254/", "no public host"),
        ("ftp://hooks.example/", "http"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_urls(url: str, said: str | None) -> None:
    refused = refused_url(url, Egress.of("hooks.example"))
    assert (refused and refused.field) == (said and "callback_url")
    if refused and said:
        assert said in refused.message
