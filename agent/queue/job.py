"""A job, its states, and the results of operations on it.

A job waits, is leased to a worker, and ends: completed, failed (a dead letter: no attempt is left)
or cancelled. Each lease is an attempt, counted from 1. `worker` and `attempt` together are the
fence: only the holder of that lease can change the job.

A job may depend on others of its tenant. It waits, blocked, until all of them have completed,
and ends as they do if one of them fails or is cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

JobState = Literal["waiting", "leased", "completed", "failed", "cancelled"]
Dispatch = Literal["edge", "poll"]  # who runs it: the agent itself, or workers that poll

LOWEST, HIGHEST = 0, 9  # priorities; the highest goes first
DEFAULT_PRIORITY = 1  # FiberWise Core sends whole numbers, by default 1
DEFAULT_ATTEMPTS = 3
NEVER_MS = 2**53  # when a blocked job may be leased: later than any time


class JobKey(NamedTuple):
    """Jobs of two tenants may have the same id. `tenant`: the id of an API key."""

    tenant: str
    id: str


class Submission(NamedTuple):
    """`payload` is JSON as text, opaque to the queue. With an `error` the job is a dead letter from
    the start. `depends_on`: ids of the same tenant, each once. A job that no worker has taken
    within `start_within_ms` fails; None: no limit."""

    key: JobKey
    capability: str
    payload: str
    priority: int = DEFAULT_PRIORITY
    max_attempts: int = DEFAULT_ATTEMPTS
    dispatch: Dispatch = "poll"
    error: str | None = None
    depends_on: tuple[str, ...] = ()
    start_within_ms: int | None = None


class Job(NamedTuple):
    """`available_ms`: when it may be leased; `worker`: who holds it, or has ended it; `error`: of
    the last attempt that failed or was lost, until one completes; `blocked`: how many of its
    dependencies have not completed, while it waits."""

    key: JobKey
    capability: str
    dispatch: Dispatch
    priority: int
    max_attempts: int
    state: JobState
    attempt: int
    submitted_ms: int
    available_ms: int
    worker: str | None
    lease_until_ms: int | None
    ended_ms: int | None
    error: str | None
    payload: str
    result: str | None
    depends_on: tuple[str, ...] = ()
    blocked: int = 0
    start_within_ms: int | None = None


class Invalid(NamedTuple):
    """Not done: the value of `field` is invalid. The message says how to mend it."""

    field: str
    message: str
    is_too_large: bool = False


class Submitted(NamedTuple):
    """The job with that id. `is_conflict`: it was submitted before, with other content."""

    job: Job
    is_conflict: bool


class Full(NamedTuple):
    """The job was refused: with it the tenant would exceed the limit of waiting jobs, or of bytes
    in jobs that have not ended."""

    limit: Literal["waiting", "bytes"]
    found: int
    most: int


class Missing(NamedTuple):
    """The job was refused: these dependencies do not exist."""

    ids: Sequence[str]


class Contradiction(NamedTuple):
    """Not done: the same lease has already ended in another way, which stays."""

    state: JobState


class Needed(NamedTuple):
    """A job that another one depends on. `state`: None if it was forgotten."""

    id: str
    state: JobState | None


class Inputs(NamedTuple):
    """Results of a job's dependencies: JSON as text, by id. None if they have more bytes (`size`)
    than a job may be given."""

    results: dict[str, str] | None
    size: int


class JobChange(NamedTuple):
    """The result of an operation. `is_done`: it took effect, by this call or an earlier, equal one.
    `state`: the job's state, None if there is no such job."""

    is_done: bool
    state: JobState | None


class Freeing(JobChange):
    """The operation took effect and unblocked a job that the agent runs itself."""

    __slots__ = ()


class Returned(NamedTuple):
    """Jobs whose leases ran out: they wait again, or are dead letters."""

    waiting: Sequence[JobKey]
    failed: Sequence[JobKey]


class QueueDepth(NamedTuple):
    """The jobs of a capability. `waiting` may be leased now, `delayed` not yet, `blocked` not
    before their dependencies have completed; `oldest_ms`: how long the oldest waiting one has
    waited."""

    capability: str
    waiting: int
    delayed: int
    leased: int
    failed: int
    oldest_ms: int
    blocked: int = 0
