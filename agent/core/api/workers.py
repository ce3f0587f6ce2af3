"""`/register`, `/heartbeat` and `GET /workers`: workers that users run themselves.

- With a body that names a worker, `/register` and `/heartbeat` are about that one. Without a
  body, or with an empty object, they are about the isolate that answers.
- A worker belongs to the API key that it uses. A key sees its own workers; a key of scope
  `agent:worker`, whose workers run the jobs of all tenants, sees all.
- The agent's own isolates come and go with requests and are not listed.
"""

from __future__ import annotations

import json
import re

from agent.core.capabilities.execution import CAPABILITIES
from agent.core.http import responses
from agent.core.http.call import WORKER_SCOPE, Call
from agent.core.http.problem import Problem
from agent.core.http.reading import (
    MAX_BODY,
    names_of,
    read_object,
    read_query,
    text_of,
    whole_of,
)
from agent.core.http.responses import Response, json_response
from agent.core.identity import time_text
from agent.core.isolate.agent import Agent
from agent.queue.limits import (
    CAPABILITY,
    CAPABILITY_TEXT,
    MAX_CAPABILITIES,
    NAME,
    NAME_TEXT,
    SILENT_MS,
)
from agent.workers.worker import HEARTBEAT_MS, HeldJob, TooMany, Worker, WorkerDetails, WorkerKey
from workers_runtime.json_text import JsonObject, Parsed

FIELDS = ("worker_id", "capabilities", "region", "metadata")
EXAMPLE = '{"worker_id": "w-1", "capabilities": ["resize-images"]}'
REGION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
REGION_TEXT = "is text of 1 to 64 of A-Z, a-z, 0-9 and -, as in eu or us-east-1"
MAX_METADATA = 4_096  # bytes of JSON
STATES = ("alive", "lost")
LISTED = ("state", "capability", "limit", "after")
USUAL_LISTED, MAX_LISTED = 50, 100
LARGEST = 999_999_999
ROOM_AFTER = "60"  # seconds: cron marks who is lost
DUE = {"heartbeat_within": HEARTBEAT_MS // 1_000, "lost_after": SILENT_MS // 1_000}  # seconds


def register(agent: Agent, call: Call) -> Response:
    given = _posted_fields(call)
    if not given:
        return responses.registered(agent.who, list(CAPABILITIES), call.now_ms)
    key, details = _key(call, given), _details(given)
    whole = WorkerDetails(
        list(CAPABILITIES) if details.capabilities is None else details.capabilities,
        agent.who.region if details.region is None else details.region,
        {} if details.metadata is None else details.metadata,
    )
    found = agent.wait(agent.workers().register(key, whole, round(agent.now())))
    if isinstance(found, TooMany):
        raise _too_many(found)
    return json_response(
        {
            "status": "success",
            "worker_id": found.key.id,
            "capabilities": found.capabilities,
            "region": found.region,
            "registered_at": time_text(found.registered_ms),
            **DUE,
        }
    )


def heartbeat(agent: Agent, call: Call) -> Response:
    given = _posted_fields(call)
    if not given:
        return responses.alive(agent.who, call.now_ms)
    key, now = _key(call, given), round(agent.now())
    found = agent.wait(agent.workers().heartbeat(key, now, _details(given)))
    if found is None:
        body = json.dumps({"worker_id": key.id, "capabilities": ["resize-images"]})
        message = f"worker {key.id} is not registered: send such as {body} to /register first"
        raise Problem(404, message)
    return json_response(
        {
            "status": "alive",
            "worker_id": found.key.id,
            "heartbeat_at": time_text(now),
            "uptime_ms": max(0, now - found.registered_ms),
            **DUE,
        }
    )


def listing(agent: Agent, call: Call) -> Response:
    """A page in the order of first registration; `next_after` gets the next page."""
    tenant = visible_tenant(call)
    given = read_query(call, LISTED)
    state: Parsed = given.get("state")
    if state is not None and state not in STATES:
        raise Problem(400, f"`state` is one of {', '.join(STATES)}; without it both are listed")
    capability = None
    if "capability" in given:
        capability = text_of(given, "capability", CAPABILITY, CAPABILITY_TEXT)
    limit = whole_of(given, "limit", USUAL_LISTED, 1, MAX_LISTED)
    after = whole_of(given, "after", 0, 0, LARGEST)
    now = round(agent.now())
    filters = (tenant, limit + 1, now, after, state, capability)
    found = agent.wait(agent.workers().listed(*filters))
    page = found[:limit]
    more = {"next_after": page[-1].number} if len(found) > limit else {}
    return json_response({"status": "success", "workers": [_shown(w, now) for w in page], **more})


def _posted_fields(call: Call) -> dict[str, object]:
    """The body of a POST. Returns {} for an empty body or another method."""
    if call.method != "POST":
        return {}
    text = call.body(MAX_BODY)
    if text is not None and not text.strip():
        return {}
    return read_object(call._replace(body=lambda _: text), FIELDS, EXAMPLE)


def _key(call: Call, given: dict[str, object]) -> WorkerKey:
    tenant = call.known_tenant()
    if "worker_id" not in given and "x-worker-id" in call.headers:
        given = {**given, "worker_id": call.headers["x-worker-id"]}
    if "worker_id" not in given:
        raise Problem(400, f"`worker_id` is missing; send one such as {EXAMPLE}")
    return WorkerKey(tenant, text_of(given, "worker_id", NAME, NAME_TEXT))


def _details(given: JsonObject) -> WorkerDetails:
    """The body's fields; None for each that is missing."""
    capabilities = _capabilities(given) if "capabilities" in given else None
    region = text_of(given, "region", REGION, REGION_TEXT) if "region" in given else None
    metadata = given.get("metadata")
    if "metadata" in given:
        if not isinstance(metadata, dict):
            raise Problem(400, '`metadata` is an object, as in {"version": "1.2"}')
        size = len(json.dumps(metadata, ensure_ascii=False).encode("utf-8", "replace"))
        if size > MAX_METADATA:
            raise Problem(
                413, f"`metadata` has {size:,} bytes as JSON, at most {MAX_METADATA:,} may be"
            )
    return WorkerDetails(capabilities, region, metadata)


def _capabilities(given: dict[str, object]) -> list[str]:
    names = list(dict.fromkeys(names_of(given, "capabilities")))
    if not 1 <= len(names) <= MAX_CAPABILITIES:
        raise Problem(
            400, f"`capabilities` is a list of 1 to {MAX_CAPABILITIES} names, as in {EXAMPLE}"
        )
    for name in names:
        if not CAPABILITY.fullmatch(name):
            raise Problem(400, f"`capabilities` {name[:64]!r} {CAPABILITY_TEXT}")
    return names


def visible_tenant(call: Call) -> str | None:
    """The tenant whose workers the caller sees; None for all."""
    own = call.known_tenant()
    return None if WORKER_SCOPE in call.scopes else own


def _shown(worker: Worker, now_ms: int) -> dict[str, object]:
    return {
        "worker_id": worker.key.id,
        "tenant": worker.key.tenant,
        "status": worker.state(now_ms),
        "capabilities": worker.capabilities,
        "region": worker.region,
        "metadata": worker.metadata,
        "registered_at": time_text(worker.registered_ms),
        "last_seen": time_text(worker.seen_ms),
        "leased": worker.leased,
        "jobs": [_held(held) for held in worker.held],
    }


def _held(held: HeldJob) -> dict[str, object]:
    return {
        "job_id": held.job_id,
        "tenant": held.tenant,
        "attempt": held.attempt,
        "lease_until": time_text(held.lease_until_ms),
    }


def _too_many(found: TooMany) -> Problem:
    message = (
        f"this key has {found.workers:,} workers already, and none of them is lost. Use fewer "
        "worker ids, or another key for some of them"
    )
    return Problem(429, message, (("retry-after", ROOM_AFTER),))
