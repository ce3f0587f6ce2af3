"""The request that tells what came of a job.

Its id is the same each time it is sent, so a receiver knows what it has had already. It is
made from whose job it is, its id and when it was submitted: an id that is used again after its
job was forgotten is another message.
"""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from agent import SERVICE, __version__
from agent.callbacks.callback import Due, Outcome
from agent.callbacks.signing import Signer
from agent.core.identity import time_text
from agent.core.json_text import read_json

ENDED = {"cancelled": "the job was cancelled", "failed": "the job failed"}


class Request(NamedTuple):
    """To be posted. `headers`: by their lower-case names."""

    url: str
    headers: dict[str, str]
    body: str


def request(due: Due, url: str, signer: Signer, now_ms: int) -> Request:
    """`url` as it was checked. The body is sent as the bytes that were signed."""
    id, timestamp = message_id(due), now_ms // 1_000
    body = body_of(due.key.id, due.outcome)
    headers = {
        "content-type": "application/json",
        "user-agent": f"{SERVICE}/{__version__}",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
    }
    if signed := signer.signatures(due.key.tenant, id, timestamp, body.encode()):
        headers["webhook-signature"] = signed
    return Request(url, headers, body)


def message_id(due: Due) -> str:
    named = json.dumps([*due.key, due.outcome.submitted_ms])
    return f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def body_of(activation: str, outcome: Outcome) -> str:
    told = {
        "activation_id": activation,
        "status": outcome.state,
        "worker_id": outcome.worker,
        "attempt": outcome.attempt,
        "completed_at": time_text(outcome.ended_ms),
    }
    if outcome.state == "completed":
        return f'{json.dumps(told)[:-1]}, "result": {_checked(outcome.result or "null")}}}'
    return json.dumps({**told, "error": outcome.error or ENDED.get(outcome.state)})


def _checked(text: str) -> str:
    """A result goes out as it came in, every digit of it. What is no JSON, or too deep to be
    read, is told as text: it cannot pass for fields of the message."""
    try:
        value = read_json(text)
        if "NaN" in text or "Infinity" in text:  # which Python reads
            json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(text)
    return text
