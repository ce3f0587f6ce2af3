"""Schemas of workers that users run, in requests and responses."""

from __future__ import annotations

from agent.core.api.workers import (
    FIELDS,
    LARGEST,
    MAX_LISTED,
    MAX_METADATA,
    REGION,
    REGION_TEXT,
    STATES,
)
from agent.core.isolate.metrics import JOBS_EACH
from agent.queue.limits import MAX_CAPABILITIES, SILENT_MS
from agent.schemas.components.values import (
    Schema,
    a_capability,
    a_name,
    always,
    an_id,
    any_object,
    fields_of,
    listed,
    matching,
    one_of,
    ref,
    text,
    time,
    whole,
)
from agent.workers.worker import HEARTBEAT_MS, MAX_HELD

# Of answers about a worker, not of those about the agent itself.
DUE: dict[str, Schema] = {
    "heartbeat_within": whole(f"seconds until its next one: {HEARTBEAT_MS // 1_000}"),
    "lost_after": whole(f"seconds without any: {SILENT_MS // 1_000}; then its jobs go to others"),
}
_CAPABILITIES = listed(a_capability("one"), "what it can do", minItems=1, maxItems=MAX_CAPABILITIES)
_LOAD: dict[str, Schema] = {
    "jobs": whole("that wait or are leased"),
    "desired_workers": whole(f"one for each {JOBS_EACH} jobs"),
    "waiting": whole("jobs that may be leased now"),
    "leased": whole("jobs that are with a worker"),
    "oldest_ms": whole("how long the first that waits has waited"),
    "workers": whole("registered and alive"),
}

SCHEMAS: dict[str, Schema] = {
    "Registration": fields_of(
        {
            "worker_id": a_name("the worker; with any of the others it must be there"),
            "capabilities": _CAPABILITIES,
            "region": matching(REGION, f"where it runs; it {REGION_TEXT}", examples=["eu"]),
            "metadata": ref("WorkerMetadata"),
        },
        "A worker of one's own; without any fields the isolate that answers tells of itself. What "
        "is missing is as the agent has it when a worker registers, and as it was in a heartbeat",
        FIELDS,
        dependentRequired={name: ["worker_id"] for name in FIELDS if name != "worker_id"},
        examples=[{"worker_id": "w-1", "capabilities": ["resize-images"]}],
    ),
    "WorkerMetadata": any_object(f"Any values of JSON by their names, {MAX_METADATA:,} bytes"),
    "Workers": fields_of(
        {
            "status": always("success"),
            "workers": listed(
                ref("Worker"), "in the order of their first registration", maxItems=MAX_LISTED
            ),
            "next_after": whole("`after` of the next page, if there is one", 0, LARGEST),
        },
        optional=("next_after",),
    ),
    "Worker": fields_of(
        {
            "worker_id": a_name("its id"),
            "tenant": a_name("the key that it came with"),
            "status": ref("WorkerState"),
            "capabilities": _CAPABILITIES,
            "region": text("where it runs"),
            "metadata": ref("WorkerMetadata"),
            "registered_at": time("when it last registered"),
            "last_seen": time("its last heartbeat, poll or extended lease"),
            "leased": whole("how many jobs it has leased"),
            "jobs": listed(ref("HeldJob"), "of these, the first to run out", maxItems=MAX_HELD),
        },
        "A worker that has registered",
    ),
    "WorkerState": one_of(STATES, "Lost is who gave no sign of life for too long"),
    "HeldJob": fields_of(
        {
            "job_id": an_id("the activation's id"),
            "tenant": a_name("whose it is"),
            "attempt": whole("counted from 1", 1),
            "lease_until": time("until when it is leased"),
        },
        "A job that a worker has leased",
    ),
    "Scale": fields_of(
        {
            "status": always("success"),
            **_LOAD,
            "capabilities": ref("Loads"),
        },
        "How much there is to do for workers that poll",
    ),
    "Loads": any_object("The same for each capability", additionalProperties=ref("Load")),
    "Load": fields_of(_LOAD, "Jobs of a capability, and workers for them"),
}
