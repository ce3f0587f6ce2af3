"""The request that reports the end of a job.

Its id is the same each time it is sent, so a receiver recognises a repetition. The id is made from
the job's tenant, its id, its outcome and the time of its end: a job that ends again, after a retry
or under a reused id, is another message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from agent import PRODUCT, __version__
from agent.callbacks.callback import Due, JobEnd
from agent.callbacks.signing import Signer
from agent.core.identity import time_text
from workers_runtime.json_text import read_writable_json

ENDED = {"cancelled": "the job was cancelled", "failed": "the job failed"}


class CallbackRequest(NamedTuple):
    """A POST. `headers`: by their lower-case names."""

    url: str
    headers: dict[str, str]
    body: str


def request(due: Due, url: str, signer: Signer, now_ms: int) -> CallbackRequest:
    """The request to a checked `url`. The body has exactly the bytes that were signed."""
    id, timestamp = message_id(due), now_ms // 1_000
    body = body_of(due.key.id, due.outcome)
    headers = {
        "content-type": "application/json",
        "user-agent": f"{PRODUCT}/{__version__}",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
    }
    if signed := signer.signatures(due.key.tenant, id, timestamp, body.encode()):
        headers["webhook-signature"] = signed
    return CallbackRequest(url, headers, body)


def message_id(due: Due) -> str:
    named = json.dumps([*due.key, due.outcome.state, due.outcome.ended_ms])
    return f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def body_of(activation: str, outcome: JobEnd) -> str:
    document = {
        "activation_id": activation,
        "status": outcome.state,
        "worker_id": outcome.worker,
        "attempt": outcome.attempt,
        "completed_at": time_text(outcome.ended_ms),
    }
    if outcome.state == "completed":
        return f"{json.dumps(document)[:-1]}, {_fields(outcome.result or '', document)}}}"
    return json.dumps({**document, "error": outcome.error or ENDED.get(outcome.state)})


def _fields(text: str, document: Mapping[str, object]) -> str:
    """`"result": …` and the fields stored with it, byte for byte. A result that is malformed, or
    has fields of the message itself, is sent as text."""
    try:
        value = read_writable_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or "result" not in value or value.keys() & document.keys():
        return f'"result": {json.dumps(text)}'
    return text.strip()[1:-1]
