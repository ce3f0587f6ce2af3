"""The payload of a job: what it was asked for, as JSON that the queue does not look into.

It holds all that a run needs, as it was at the submission: the input or the row with its agent,
where the outcome is posted, and the scopes of the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from agent.agents.definition import definition_of
from agent.core.jobs.resolving import Resolved, input_of
from agent.core.jobs.row import CoreRow, row_of
from agent.queue.job import Job


def payload_of(asked: dict[str, Any], url: str | None, scopes: Iterable[str]) -> str:
    """One spelling of the same: by it the queue tells one activation from another."""
    return _text({"callback_url": url, "input": asked, "scopes": sorted(scopes)})


def row_payload_of(row: CoreRow, agent: Resolved, url: str | None, scopes: Iterable[str]) -> str:
    """The row and the definition, as they were when it was submitted."""
    made = {"id": agent.id, "version": agent.version, "definition": agent.definition.document}
    document = {"agent": made, "asked": row.asked, "callback_url": url, "scopes": sorted(scopes)}
    return _text(document)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Payload(NamedTuple):
    """`row` and `agent`: of an activation that FiberWise Core has sent."""

    input: dict[str, Any]
    scopes: frozenset[str]
    callback_url: str | None
    row: CoreRow | None = None
    agent: Resolved | None = None


def read_payload(text: str) -> Payload:
    value = json.loads(text)
    scopes, url = frozenset(value["scopes"]), value["callback_url"]
    if "agent" not in value:
        return Payload(value["input"], scopes, url)
    made, row = value["agent"], row_of(value["asked"])
    agent = Resolved(made["id"], made["version"], definition_of(made["definition"]))
    return Payload(input_of(agent.definition, row), scopes, url, row, agent)


def is_same_row(job: Job, row: CoreRow, url: str | None) -> bool:
    """Whether the job was submitted for this row; its agent may have changed since then."""
    found = json.loads(job.payload)
    return (found.get("asked"), found["callback_url"]) == (row.asked, url)
