"""Submitting a job: one batch of statements, and what their answers mean.

A submission of a job that exists is never refused. A new job is inserted if all its dependencies
exist and its tenant's limits leave room. So each dependency is older than the job, and no two jobs
wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.queue import statements as sql
from agent.queue.database import Row, Rows, Statement, Value
from agent.queue.job import Full, Missing, Submission, Submitted
from agent.queue.limits import Limits, cut_error
from agent.queue.rows import job_of


def submitting(
    submission: Submission,
    limits: Limits,
    now_ms: int,
    before: Sequence[Statement],
    after: Sequence[Statement],
) -> list[Statement]:
    """The statements of a submission, executed together or not at all; `outcome` reads the
    answers."""
    error = None if submission.error is None else cut_error(submission.error)
    needs = json.dumps(submission.depends_on)
    given: tuple[Value, ...] = (
        *(
            *submission.key,
            submission.capability,
            submission.payload,
            submission.priority,
            submission.max_attempts,
        ),
        *(submission.dispatch, error, now_ms, needs, _size(submission), submission.start_within_ms),
        *(limits.waiting, limits.bytes),
    )
    tenant = submission.key.tenant
    looks = ((sql.LOAD, (tenant,)), (sql.MISSING, (tenant, needs)), (sql.GET, submission.key))
    return [*before, (sql.SUBMIT, given), *after, *looks]


def outcome(
    submission: Submission, limits: Limits, answers: Sequence[Rows]
) -> Submitted | Full | Missing:
    *_, load, missing, found = (answer.rows for answer in answers)
    if not found:
        if missing:
            return Missing([str(row["id"]) for row in missing])
        return _full(load[0], limits)
    job = job_of(found[0])
    is_other = (job.capability, job.payload, job.depends_on) != (
        *(submission.capability, submission.payload),
        submission.depends_on,
    )
    return Submitted(job, is_other)


def _full(load: Row, limits: Limits) -> Full:
    waiting, held = int(load["waiting"] or 0), int(load["bytes"] or 0)
    if waiting >= limits.waiting:
        return Full("waiting", waiting, limits.waiting)
    return Full("bytes", held, limits.bytes)


def _size(submission: Submission) -> int:
    return len(submission.payload.encode())
