"""Responses of the endpoints, in the fields that FiberWise's clients read.

Every response is JSON with a `status`, except errors, which have `error` and `timestamp`, and the
front page, which is text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from agent import SERVICE, __version__
from agent.core.capabilities.results import Stream
from agent.core.identity import Identity, time_text, uptime_ms
from agent.records.request import NO_FACTS, Facts

JSON = "application/json"
EVENTS = "text/event-stream"


class Response(NamedTuple):
    status: int
    body: str | Stream
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    facts: Facts = NO_FACTS


def json_response(document: dict[str, object], status: int = 200) -> Response:
    return Response(status, json.dumps(document))


def error(
    code: int,
    message: str,
    now_ms: float,
    headers: tuple[tuple[str, str], ...] = (),
    /,
    **more: object,
) -> Response:
    document = {"error": message, "timestamp": time_text(now_ms), **more}
    return Response(code, json.dumps(document), headers=headers)


def front() -> Response:
    return Response(200, f"FiberWise Edge Worker v{__version__}", "text/plain; charset=utf-8")


def registered(who: Identity, capabilities: list[str], now_ms: float) -> Response:
    return json_response(
        {
            "status": "success",
            "worker_id": who.id,
            "capabilities": capabilities,
            "region": who.region,
            "registered_at": time_text(now_ms),
        }
    )


def alive(who: Identity, now_ms: float) -> Response:
    return json_response(
        {
            "status": "alive",
            "worker_id": who.id,
            "heartbeat_at": time_text(now_ms),
            "uptime_ms": uptime_ms(who, now_ms),
        }
    )


def healthy(who: Identity, now_ms: float) -> Response:
    return json_response(
        {
            "status": "healthy",
            "service": SERVICE,
            "version": __version__,
            "timestamp": time_text(now_ms),
            "region": who.region,
        }
    )


def completed(
    job_id: str, capability: str, written: Mapping[str, object], took_ms: float, now_ms: float
) -> Response:
    """`written`: the `status` and the outcome, as the shape of the job has them."""
    return json_response(
        {
            **written,
            "capability": capability,
            "job_id": job_id,
            "execution_time_ms": round(took_ms, 3),
            "completed_at": time_text(now_ms),
        }
    )


def stream(events: Stream, job_id: str) -> Response:
    """Server-sent events, as they come."""
    headers = (("cache-control", "no-cache"), ("x-job-id", job_id))
    return Response(200, events, EVENTS, headers)
