"""A callback, its states, and the results of its attempts.

It is pending until its job has ended, then due, leased by its sender, and ends as delivered or
failed (dead: it is not sent again). Each lease is an attempt, counted from 1; `ticket` and
`attempt` together are the fence: only the holder of that lease can change it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from agent.queue.job import JobKey, JobState

CallbackState = Literal["pending", "due", "leased", "delivered", "failed"]

MAX_URL = 2_048  # characters
MAX_ATTEMPTS = 16


class Callback(NamedTuple):
    """`status`: of the last response, None without one; `error`: why the last attempt failed."""

    key: JobKey
    url: str
    state: CallbackState
    attempt: int
    due_ms: int | None
    ended_ms: int | None
    status: int | None
    error: str | None


class JobEnd(NamedTuple):
    """How the job ended: `result` is the text of a JSON object, if it completed."""

    state: JobState
    attempt: int
    worker: str | None
    ended_ms: int
    error: str | None
    result: str | None


class Due(NamedTuple):
    """A callback to be sent now, under this lease."""

    key: JobKey
    url: str
    attempt: int
    ticket: str
    outcome: JobEnd


class Verdict(NamedTuple):
    """The callback's state after an attempt. `due_ms`: the time of the next attempt, if any."""

    state: Literal["due", "delivered", "failed"]
    status: int | None = None
    error: str | None = None
    due_ms: int | None = None


class OutboxDepth(NamedTuple):
    """The callbacks of all tenants. `due` may be sent now, `delayed` not yet, `failed` are dead;
    `oldest_ms`: how long the oldest due one has waited."""

    due: int
    delayed: int
    leased: int
    failed: int
    oldest_ms: int
