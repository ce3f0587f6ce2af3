"""Schemas of an isolate: its health, metrics and analytics."""

from __future__ import annotations

from agent import SERVICE
from agent.callbacks.callback import OutboxDepth
from agent.core.isolate.metrics import JOBS_EACH
from agent.queue.job import QueueDepth
from agent.records.analytics import DIMENSIONS, MAX_GROUPS, MAX_READ, PERCENTS
from agent.schemas.components.values import (
    Schema,
    a_capability,
    a_name,
    always,
    fields_of,
    listed,
    number,
    one_of,
    or_null,
    ref,
    text,
    time,
    whole,
    yes_or_no,
)
from agent.schemas.components.workers import DUE

_WORKER = text("`cf-<region>-<8 hex>`", pattern="^cf-[a-z]+-[0-9a-f]{8}$")
_REGION = text("where it is deployed for; `global` is everywhere")
_CAPABILITIES = listed(a_capability("one"), "what it can do")
_SUMS: dict[str, Schema] = {
    "uptime_ms": whole("since its first request"),
    "requests": whole("answered"),
    "errors": whole("of these, with a status of 400 or more"),
    "jobs_completed": whole("run well"),
    "jobs_failed": whole("run badly"),
}
_REQUESTS: dict[str, Schema] = {
    "endpoint": text("its path"),
    "status": whole("", 100, 599),
    "count": whole("", 1),
}
_JOBS: dict[str, Schema] = {
    "capability": a_capability("one"),
    "outcome": one_of(("completed", "failed")),
    "count": whole("", 1),
}
_DEPTHS = {name: whole("") for name in QueueDepth._fields if name != "capability"}
_QUEUE = {
    "type": ["array", "null"],
    "items": ref("Depth"),
    "description": "jobs that have not ended well, by capability; null if it did not answer",
}
_CALLBACKS = ref(
    "CallbackDepth", "callbacks that were not delivered; null if the queue did not answer"
)
_WORKERS = whole(f"a hint for scaling: one for each {JOBS_EACH} jobs that wait or are leased")

SCHEMAS: dict[str, Schema] = {
    "Registered": fields_of(
        {
            "status": always("success"),
            "worker_id": a_name("the worker, or the isolate that answers"),
            "capabilities": _CAPABILITIES,
            "region": text("where it runs"),
            "registered_at": time("now"),
            **DUE,
        },
        optional=tuple(DUE),
    ),
    "Alive": fields_of(
        {
            "status": always("alive"),
            "worker_id": a_name("the worker, or the isolate that answers"),
            "heartbeat_at": time("now"),
            "uptime_ms": whole("since it registered; of an isolate, since its first request"),
            **DUE,
        },
        optional=tuple(DUE),
    ),
    "Healthy": fields_of(
        {
            "status": always("healthy"),
            "service": always(SERVICE),
            "version": text(),
            "timestamp": time("now"),
            "region": _REGION,
        }
    ),
    "Sums": fields_of(_SUMS, "What this isolate has counted, in a few numbers"),
    "Metrics": fields_of(
        {
            "worker": _WORKER,
            "worker_id": _WORKER,
            "variant": text("of the router's policy"),
            "region": _REGION,
            "capabilities": _CAPABILITIES,
            "metrics": ref("Sums"),
            "timestamp": time("now"),
            "requests": listed(ref("RequestCount"), "what this isolate has answered"),
            "jobs": listed(ref("JobCount"), "what it has run"),
            "records_lost": whole("rows about requests that were never written"),
            "queue": _QUEUE,
            "callbacks": or_null(_CALLBACKS),
            "desired_workers": or_null(_WORKERS),
        }
    ),
    "Analysed": fields_of({"status": always("success"), "analytics": ref("Analytics")}),
    "Analytics": fields_of(
        {
            "from": time("of the first request that counts"),
            "to": time("before which the last one was"),
            "by": listed(one_of(DIMENSIONS), "what the groups differ in"),
            "requests": whole("of all groups"),
            "errors": whole("of all groups: answers of status 400 and above"),
            "groups": listed(
                ref("RequestGroup"),
                "the latest hour first, then the largest",
                maxItems=MAX_GROUPS,
            ),
            "truncated": yes_or_no("there were more groups"),
            "partial": yes_or_no(f"only {MAX_READ:,} requests were looked at, the youngest"),
        }
    ),
    "RequestGroup": fields_of(
        {
            "capability": text("of jobs of `POST /execute`; else empty"),
            "tenant": text("the id of the API key"),
            "region": text("of the variant that has answered"),
            "endpoint": text("its path; empty for none that there is"),
            "hour": time("when the hour began"),
            "requests": whole("", 1),
            "errors": whole("answers of status 400 and above"),
            "server_errors": whole("of these, status 500 and above"),
            **{f"p{percent}_ms": number("milliseconds, exact") for percent in PERCENTS},
        },
        "Requests that have the same values of `by`, which are told with them",
        tuple(DIMENSIONS),
    ),
    "RequestCount": fields_of(_REQUESTS, "Requests that were answered alike"),
    "JobCount": fields_of(_JOBS, "Jobs that ended alike"),
    "CallbackDepth": fields_of(
        {name: whole("") for name in OutboxDepth._fields}, "Callbacks that were not delivered"
    ),
    "Depth": fields_of(
        {"capability": a_capability("whose jobs"), **_DEPTHS}, "Jobs of a capability"
    ),
}
