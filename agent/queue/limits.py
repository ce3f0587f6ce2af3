"""Limits on sizes and numbers, and the refusal of what exceeds them.

D1 holds at most 2,000,000 bytes in a row: a job at its largest stays below. A poll brings
its jobs into a Worker's 128 MB of memory, more than once while they cross.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agent.queue.job import HIGHEST, LOWEST, Invalid, Submission

MAX_PAYLOAD = 512_000  # bytes
MAX_RESULT = 1_000_000
MAX_ERROR = 2_000  # characters; a longer error is cut, for it must not keep a job from failing
MAX_ATTEMPTS = 20
MAX_JOBS = 25  # of one poll
MAX_CAPABILITIES = 32
MIN_LEASE_MS, MAX_LEASE_MS = 1_000, 3_600_000
SILENT_MS = 45_000  # a registered worker without a heartbeat for so long loses its leases
MAX_DEPENDENCIES = 32  # of a job
# Bytes of the dependencies' results that a job is given: one result of the largest size fits, and
# those of all jobs of a poll fit into memory.
MAX_INPUTS = MAX_RESULT
MAX_START_WITHIN_MS = 7 * 86_400_000  # as long as what has ended is kept by default


class Limits(NamedTuple):
    """Limits of each tenant. `waiting`: waiting jobs: an hour's work of a few workers, so a client
    in a loop is noticed. `bytes`: of the payloads of jobs that have not ended: a hundred tenants
    fill a tenth of D1 (10 GB). `running`: jobs that the agent itself has leased: `RUNS` of an
    isolate is twice as much, so one tenant never holds all of them."""

    waiting: int = 10_000
    bytes: int = 100_000_000
    running: int = 4


USUAL = Limits()


NAME = re.compile(r"[!-~]{1,128}")
CAPABILITY = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
NAME_TEXT = "must be 1 to 128 printable ASCII characters without spaces"
CAPABILITY_TEXT = "must be 1 to 64 of a-z, 0-9 and -, as in text-processing"


def refused_submission(submission: Submission) -> Invalid | None:
    """The first invalid field. Returns None if all are valid."""
    return (
        _matches("tenant", submission.key.tenant, NAME, NAME_TEXT)
        or _matches("id", submission.key.id, NAME, NAME_TEXT)
        or _matches("capability", submission.capability, CAPABILITY, CAPABILITY_TEXT)
        or _between("priority", submission.priority, LOWEST, HIGHEST)
        or _between("max_attempts", submission.max_attempts, 1, MAX_ATTEMPTS)
        or _fits("payload", submission.payload, MAX_PAYLOAD)
        or _refused_needs(submission)
        or _refused_wait(submission)
    )


def refused_poll(
    worker: str, capabilities: Sequence[str], limit: int, lease_ms: int, ticket: str
) -> Invalid | None:
    first_bad = next((name for name in capabilities if not CAPABILITY.fullmatch(name)), None)
    if first_bad is not None:
        return Invalid("capabilities", f"{first_bad[:64]!r} {CAPABILITY_TEXT}")
    return (
        _matches("worker", worker, NAME, NAME_TEXT)
        or _matches("ticket", ticket, NAME, NAME_TEXT)
        or _between("number of capabilities", len(capabilities), 1, MAX_CAPABILITIES)
        or _between("limit", limit, 1, MAX_JOBS)
        or refused_lease(lease_ms)
    )


def refused_lease(lease_ms: int) -> Invalid | None:
    return _between("lease_ms", lease_ms, MIN_LEASE_MS, MAX_LEASE_MS)


def refused_result(result: str) -> Invalid | None:
    return _fits("result", result, MAX_RESULT)


def cut_error(error: str) -> str:
    """The error as it is stored: truncated, without characters that a database cannot hold."""
    whole = error.encode("utf-8", "replace").decode().replace("\0", "?")
    return whole if len(whole) <= MAX_ERROR else whole[: MAX_ERROR - 1] + "…"


def _refused_needs(submission: Submission) -> Invalid | None:
    needs = submission.depends_on
    if len(needs) > MAX_DEPENDENCIES:
        message = f"has {len(needs)} ids, at most {MAX_DEPENDENCIES} may be"
        return Invalid("depends_on", message)
    if submission.key.id in needs:
        return Invalid("depends_on", f"has {submission.key.id}, which is the job itself")
    twice = next((id for place, id in enumerate(needs) if id in needs[:place]), None)
    return None if twice is None else Invalid("depends_on", f"has {twice} twice")


def _refused_wait(submission: Submission) -> Invalid | None:
    within = submission.start_within_ms
    return None if within is None else _between("start_within_ms", within, 1, MAX_START_WITHIN_MS)


def _matches(field: str, value: str, pattern: re.Pattern[str], text: str) -> Invalid | None:
    return None if pattern.fullmatch(value) else Invalid(field, text)


def _between(field: str, value: int, least: int, most: int) -> Invalid | None:
    if least <= value <= most:
        return None
    return Invalid(field, f"must be {least} to {most:,}, not {value}")


def _fits(field: str, text: str, most: int) -> Invalid | None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        return Invalid(field, f"has half a surrogate pair at character {error.start}")
    if "\0" in text:
        return Invalid(field, "has a NUL character; JSON writes it as \\u0000")
    if size <= most:
        return None
    return Invalid(field, f"has {size:,} bytes, at most {most:,} may be", is_too_large=True)
