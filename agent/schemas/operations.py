"""All that can be asked of the agent: an operation for each path and method of its endpoints.

What the router adds to them, since it stands before the agent, is in `refusals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.core.activations import MAX_LISTED
from agent.core.polling import LEASE, MAX_LEASE, MAX_WAIT, MIN_LEASE
from agent.core.workers import LARGEST, USUAL_LISTED
from agent.core.workers import MAX_LISTED as MAX_WORKERS
from agent.queue.limits import CAPABILITY, MAX_CAPABILITIES, MAX_JOBS
from agent.schemas.values import Schema, a_capability, a_name, an_id, number, ref, text, whole

TAGS = {
    "jobs": "Jobs that are run at once, or for a lease",
    "activations": "Jobs that wait in the queue",
    "workers": "Workers that take jobs from the queue",
    "isolate": "The agent itself",
}
_ONE = CAPABILITY.pattern
_NAMES = text(
    "with commas between them; all of the agent's unless it is said",
    pattern=f"^{_ONE}(,{_ONE}){{0,{MAX_CAPABILITIES - 1}}}$",
    examples=["text-processing,database"],
)
_SECONDS = "seconds; `s` may stand behind them"
PARAMETERS: dict[str, Schema] = {
    "id": an_id("the activation's id"),
    "worker_id": a_name("the worker; without it the header `x-worker-id`, or the key's id"),
    "capabilities": _NAMES,
    "limit": whole("jobs", 1, MAX_JOBS, default=1),
    "wait": number(f"{_SECONDS}, for a job to be there", 0, MAX_WAIT, default=0),
    "lease": number(_SECONDS, MIN_LEASE, MAX_LEASE, default=LEASE),
    "tenant": a_name("whose jobs; others' need the scope `agent:worker`"),
    "state": {**ref("State"), "default": "failed"},
    "most": whole("activations", 1, MAX_LISTED, default=20),
    "worker_state": ref("WorkerState", "both, unless it is said"),
    "one_capability": a_capability("workers that have it"),
    "some_capabilities": {
        **_NAMES,
        "description": "with commas between them; all of them, unless it is said",
    },
    "workers": whole("workers", 1, MAX_WORKERS, default=USUAL_LISTED),
    "after": whole("as `next_after` told it", 0, LARGEST, default=0),
    "before": whole("milliseconds since 1970, as `next_before` told it", 0, 10**15 - 1),
}
NAMED = {  # several have one name
    "most": "limit",
    "workers": "limit",
    "worker_state": "state",
    "one_capability": "capability",
    "some_capabilities": "capability",
}
ID = "/activations/{id}"


class Operation(NamedTuple):
    """`gives`: a schema, or the media type of what has none. `refuses`: statuses that only some
    have. `more`: other media types of the answer. `headers`: some that it may have.
    `is_open`: no key is needed."""

    method: str
    path: str
    id: str
    tag: str
    about: str
    gives: str
    takes: str = ""
    query: tuple[str, ...] = ()
    may_be_empty: bool = False
    refuses: tuple[int, ...] = ()
    is_open: bool = False
    more: Mapping[str, str] = {}
    headers: tuple[str, ...] = ()


_POLLED = ("worker_id", "capabilities", "limit", "wait", "lease", "tenant")
_POLL = "Jobs are leased to a worker: the highest priority first, then the oldest"
_UNREAD = "a body is not read"
_BOTH = {"text/plain": "for `Accept: text/plain`, as Prometheus reads it"}
_STREAM = {"text/event-stream": "with `stream`; the header `x-job-id` has the job's id"}

OPERATIONS = (
    Operation("GET", "/", "front", "isolate", "Name and version", "text/plain", is_open=True),
    Operation("GET", "/health", "health", "isolate", "Whether it is well", "Healthy", is_open=True),
    Operation("GET", "/openapi.json", "openapi", "isolate", "This", "OpenApi", is_open=True),
    Operation("GET", "/metrics", "metrics", "isolate", "Its counts", "Metrics", more=_BOTH),
    Operation("GET", "/register", "register", "workers", "Who it is, what it does", "Registered"),
    Operation(
        *("POST", "/register", "registerByPost", "workers"),
        "The same; with a body, a worker of one's own says who it is",
        "Registered",
        takes="Registration",
        may_be_empty=True,
    ),
    Operation("GET", "/heartbeat", "heartbeat", "workers", "Since when it runs", "Alive"),
    Operation(
        *("POST", "/heartbeat", "heartbeatByPost", "workers"),
        "The same; with a body, a worker that has registered says that it is alive",
        "Alive",
        takes="Registration",
        may_be_empty=True,
        refuses=(404,),
    ),
    Operation(
        *("GET", "/workers", "workers", "workers"),
        "Workers that have registered: one's own, all with the scope `agent:worker`",
        "Workers",
        query=("worker_state", "one_capability", "workers", "after"),
    ),
    Operation(
        *("GET", "/workers/scale", "scale", "workers"),
        "How much there is to do for workers that poll, as numbers for whoever scales them",
        "Scale",
        query=("some_capabilities", "tenant"),
    ),
    Operation("GET", "/poll", "pollByGet", "workers", _POLL, "Polled", "", _POLLED),
    Operation(
        *("POST", "/poll", "poll", "workers"),
        "The same, with a body or the query of GET",
        "Polled",
        takes="Poll",
        may_be_empty=True,
    ),
    Operation(
        *("POST", "/execute", "execute", "jobs"),
        "A job is run and answered: one that is sent along, or one of the queue, by its lease",
        "Completed",
        takes="Execute",
        refuses=(404, 409, 422),
        more=_STREAM,
        headers=("x-cache", "age", "x-job-id"),
    ),
    Operation(
        *("POST", "/activations", "submit", "activations"),
        "A job for the queue; the same one again is told as it stands, and not run twice",
        "Activation",
        takes="Submission",
        refuses=(409,),
    ),
    Operation(
        *("GET", "/activations", "list", "activations"),
        "One's own activations of one state",
        "Activations",
        query=("state", "most", "before"),
    ),
    Operation(
        *("GET", ID, "show", "activations", "How it stands, and what came of it", "Activation"),
        refuses=(404,),
    ),
    Operation(
        *("DELETE", ID, "cancelByDelete", "activations", "It is given up", "Activation"),
        refuses=(404, 409),
    ),
    Operation(
        *("POST", f"{ID}/cancel", "cancel", "activations", f"It is given up; {_UNREAD}"),
        "Activation",
        refuses=(404, 409),
    ),
    Operation(
        *("POST", f"{ID}/retry", "retry", "activations"),
        "A dead letter waits again; `max_attempts` may stand in the query, too",
        "Activation",
        takes="Attempts",
        may_be_empty=True,
        refuses=(404, 409),
    ),
    Operation(
        *("POST", f"{ID}/extend", "extend", "workers", "A lease holds longer, from now on"),
        "Told",
        takes="Extension",
        refuses=(404, 409),
    ),
    Operation(
        *("POST", f"{ID}/complete", "complete", "workers", "A leased job has a result", "Told"),
        takes="Completion",
        refuses=(404, 409),
    ),
    Operation(
        *("POST", f"{ID}/fail", "fail", "workers"),
        "A leased job has failed: it waits for its next attempt, or is a dead letter",
        "Told",
        takes="Failure",
        refuses=(404, 409),
    ),
)
