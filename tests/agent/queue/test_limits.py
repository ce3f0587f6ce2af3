"""What is refused, and in which words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.queue.job import Invalid
from agent.queue.limits import MAX_ERROR, MAX_PAYLOAD, MAX_RESULT, cut_error
from tests.agent.queue.making import LEASE_MS, SKILL, Queue, key, submission

NAMES = "must be 1 to 128 printable ASCII characters without spaces"
SKILLS = "must be 1 to 64 of a-z, 0-9 and -, as in text-processing"


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"id": ""}, "id", NAMES),
        ({"id": "a b"}, "id", NAMES),
        ({"id": "a\n"}, "id", NAMES),
        ({"id": "ä"}, "id", NAMES),
        ({"id": "a" * 129}, "id", NAMES),
        ({"tenant": ""}, "tenant", NAMES),
        ({"capability": "Text"}, "capability", SKILLS),
        ({"capability": "-a"}, "capability", SKILLS),
        ({"capability": "a" * 65}, "capability", SKILLS),
        ({"priority": 10}, "priority", "must be 0 to 9, not 10"),
        ({"priority": -1}, "priority", "must be 0 to 9, not -1"),
        ({"max_attempts": 0}, "max_attempts", "must be 1 to 20, not 0"),
        ({"payload": "ä" * 256_001}, "payload", "has 512,002 bytes, at most 512,000 may be"),
        ({"payload": "a\ud800"}, "payload", "has half a surrogate pair at character 1"),
        ({"payload": "a\0"}, "payload", "has a NUL character; JSON writes it as \\u0000"),
    ],
)  # fmt: skip
def test_submissions(values: dict[str, Any], field: str, message: str) -> None:
    queue = Queue()
    asked = submission(**{"id": "sum", **values})
    refused = Invalid(field, message, is_too_large="bytes" in message)
    assert asyncio.run(queue.jobs.submit(asked, queue.now)) == refused
    assert queue.depth() == []


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"worker": ""}, "worker", NAMES),
        ({"ticket": "a b"}, "ticket", NAMES),
        ({"capabilities": []}, "number of capabilities", "must be 1 to 32, not 0"),
        ({"capabilities": [SKILL, "A"]}, "capabilities", f"'A' {SKILLS}"),
        ({"limit": 0}, "limit", "must be 1 to 25, not 0"),
        ({"limit": 26}, "limit", "must be 1 to 25, not 26"),
        ({"lease_ms": 999}, "lease_ms", "must be 1000 to 3,600,000, not 999"),
    ],
)
def test_polls(values: dict[str, Any], field: str, message: str) -> None:
    queue = Queue()
    asked = {"worker": "ann", "capabilities": [SKILL], "limit": 1, "lease_ms": LEASE_MS}
    asked |= {"now_ms": queue.now, "ticket": "t", **values}
    assert asyncio.run(queue.jobs.lease(**asked)) == Invalid(field, message)


def test_a_job_at_its_largest_is_taken_and_its_result_too() -> None:
    queue = Queue()
    payload, result = "x" * MAX_PAYLOAD, "y" * MAX_RESULT
    queue.submit("sum", payload=payload)
    queue.lease("ann")
    assert queue.complete("sum", "ann", result=result).is_done
    done = queue.get("sum")
    assert (done.payload, done.result) == (payload, result)


def test_a_result_that_is_too_large_is_refused_and_the_job_stays_leased() -> None:
    queue = Queue()
    queue.submit("sum")
    queue.lease("ann")
    result = "y" * (MAX_RESULT + 1)
    asked = queue.jobs.complete(key("sum"), "ann", 1, result, queue.now)
    message = "has 1,000,001 bytes, at most 1,000,000 may be"
    assert asyncio.run(asked) == Invalid("result", message, is_too_large=True)
    assert queue.state("sum") == "leased"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ("no luck", "no luck"),
        ("half \ud800 a pair, and\0", "half ? a pair, and?"),
        ("x" * MAX_ERROR, "x" * MAX_ERROR),
        ("x" * (MAX_ERROR + 1), "x" * (MAX_ERROR - 1) + "…"),
    ],
    ids=["short", "odd", "long", "too long"],
)
def test_errors_are_cut_and_never_refused(error: str, kept: str) -> None:
    assert cut_error(error) == kept
