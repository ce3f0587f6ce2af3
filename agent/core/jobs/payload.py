"""The payload of a job: all that a run needs, as JSON that is opaque to the queue.

It is as it was when the job was submitted: the input or the row with its agent, the callback URL,
and the scopes of the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from agent.agents.definition import definition_of
from agent.core.jobs.resolving import Resolved, input_of
from agent.core.jobs.row import CoreRow, row_of
from agent.queue.job import Job
from workers_runtime.json_text import JsonObject


def payload_of(job_input: dict[str, object], url: str | None, scopes: Iterable[str]) -> str:
    """Canonical JSON: the queue compares payloads to recognise a repeated submission."""
    return _text({"callback_url": url, "input": job_input, "scopes": sorted(scopes)})


def row_payload_of(row: CoreRow, agent: Resolved, url: str | None, scopes: Iterable[str]) -> str:
    """The same for a row of FiberWise Core, with its agent's definition."""
    resolved = {"id": agent.id, "version": agent.version, "definition": agent.definition.document}
    document = {
        "agent": resolved,
        "asked": row.request,
        "callback_url": url,
        "scopes": sorted(scopes),
    }
    return _text(document)


def _text(document: JsonObject) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Payload(NamedTuple):
    """`row` and `agent`: of an activation that FiberWise Core has sent."""

    input: dict[str, object]
    scopes: frozenset[str]
    callback_url: str | None
    row: CoreRow | None = None
    agent: Resolved | None = None


def read_payload(text: str) -> Payload:
    value = json.loads(text)
    scopes, url = frozenset(value["scopes"]), value["callback_url"]
    if "agent" not in value:
        return Payload(value["input"], scopes, url)
    resolved, row = value["agent"], row_of(value["asked"])
    agent = Resolved(resolved["id"], resolved["version"], definition_of(resolved["definition"]))
    return Payload(input_of(agent.definition, row), scopes, url, row, agent)


def is_same_row(job: Job, row: CoreRow, url: str | None) -> bool:
    """Whether the job was submitted for this row; its agent may have changed since then."""
    found = json.loads(job.payload)
    return (found.get("asked"), found["callback_url"]) == (row.request, url)
