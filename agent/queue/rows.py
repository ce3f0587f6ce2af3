"""Reads rows of the queue's tables: jobs, results of operations, inputs, and numbers of jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.queue.database import Row, Rows, Value
from agent.queue.job import Inputs, Job, JobChange, JobKey, JobState, QueueDepth


class Fence(NamedTuple):
    """Identifies a lease: a statement with a fence changes a job only under this lease."""

    key: JobKey
    worker: str
    attempt: int

    @property
    def params(self) -> tuple[Value, ...]:
        return (*self.key, self.worker, self.attempt)


def job_of(row: Row) -> Job:
    fields: Mapping[str, Value] = {
        name: value for name, value in row.items() if name not in ("tenant", "id", "depends_on")
    }
    needs = tuple(json.loads(str(row["depends_on"])))
    key = JobKey(str(row["tenant"]), str(row["id"]))
    return Job(key, **fields, depends_on=needs)  # type: ignore[arg-type]


def state_of(row: Row | None) -> JobState | None:
    return None if row is None else row["state"]  # type: ignore[return-value]


def answer_of(row: Row | None, held: Fence, states: Sequence[JobState]) -> JobChange:
    """The result of an operation on a lease: done if this lease left the job in one of `states`."""
    state = state_of(row)
    is_ours = row is not None and (row["worker"], row["attempt"]) == held[1:]
    return JobChange(is_ours and state in states, state)


def state_after(is_tried_again: bool) -> JobState:
    return "waiting" if is_tried_again else "failed"


def is_same_json(one: str, other: str) -> bool:
    """Whether two texts are the same JSON, whatever the order of fields."""
    return len({json.dumps(json.loads(text), sort_keys=True) for text in (one, other)}) == 1


def inputs_of(rows: Sequence[Row]) -> Inputs:
    size = sum(int(row["size"] or 0) for row in rows)
    if any(row["result"] is None for row in rows):
        return Inputs(None, size)
    return Inputs({str(row["id"]): str(row["result"]) for row in rows}, size)


def depths_of(found: Rows, now_ms: int) -> list[QueueDepth]:
    numbers: dict[str, dict[str, int]] = {}
    for row in found.rows:
        of_one = numbers.setdefault(str(row["capability"]), {})
        of_one[str(row["kind"])] = int(row["number"] or 0)
        if row["since_ms"] is not None:
            of_one["oldest_ms"] = max(0, now_ms - int(row["since_ms"]))
    kinds = QueueDepth._fields[1:]
    return [
        QueueDepth(name, *(of_one.get(kind, 0) for kind in kinds))
        for name, of_one in sorted(numbers.items())
    ]
