"""A job, and what is said about one.

A job waits, is leased to a worker, and ends: completed, failed (a dead letter: nobody will
try again) or cancelled. Each lease is an attempt, counted from 1. `worker` and `attempt`
together are the fence: whoever does not hold that very lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

State = Literal["waiting", "leased", "completed", "failed", "cancelled"]
Dispatch = Literal["edge", "poll"]  # who runs it: the agent itself, or workers that poll

LOWEST, HIGHEST = 0, 9  # priorities; the highest goes first
DEFAULT_PRIORITY = 1  # FiberWise Core sends whole numbers, and 1 if nobody says otherwise
DEFAULT_ATTEMPTS = 3


class JobKey(NamedTuple):
    """Two tenants may use the same id for jobs of their own. `tenant`: the id of an API key."""

    tenant: str
    id: str


class Submission(NamedTuple):
    """`payload` is JSON as text, which the queue does not look into. With an `error` it is a
    dead letter from the start."""

    key: JobKey
    capability: str
    payload: str
    priority: int = DEFAULT_PRIORITY
    max_attempts: int = DEFAULT_ATTEMPTS
    dispatch: Dispatch = "poll"
    error: str | None = None


class Job(NamedTuple):
    """`available_ms`: from when on it may be leased; `worker`: who holds it, or has ended it;
    `error`: of the last attempt that failed or was lost, until one completes."""

    key: JobKey
    capability: str
    dispatch: Dispatch
    priority: int
    max_attempts: int
    state: State
    attempt: int
    submitted_ms: int
    available_ms: int
    worker: str | None
    lease_until_ms: int | None
    ended_ms: int | None
    error: str | None
    payload: str
    result: str | None


class Refused(NamedTuple):
    """Nothing was done: what `field` says cannot be taken, and how to mend it."""

    field: str
    message: str
    is_too_large: bool = False


class Submitted(NamedTuple):
    """The job of that id. `is_conflict`: it was submitted before, and as another one."""

    job: Job
    is_conflict: bool


class Answer(NamedTuple):
    """`is_done`: what was asked for is so, by this call or by the same one before. `state`: the
    job's, None if there is none."""

    is_done: bool
    state: State | None


class Returned(NamedTuple):
    """Jobs whose leases ran out: they wait again, or are dead letters."""

    waiting: Sequence[JobKey]
    failed: Sequence[JobKey]


class Depth(NamedTuple):
    """The jobs of a capability. `waiting` may be leased now, `delayed` not yet;
    `oldest_ms`: how long the first of those that may be leased has waited."""

    capability: str
    waiting: int
    delayed: int
    leased: int
    failed: int
    oldest_ms: int
