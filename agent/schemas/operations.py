"""The agent's operations: one for each path and method of its endpoints.

What the router adds to them, since it stands before the agent, is in `refusals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent.core.api import agents, analytics
from agent.core.api.activations import MAX_LISTED
from agent.core.api.analytics import ANALYTICS_SCOPE
from agent.core.api.apps import MAX_APP
from agent.core.api.polling import LEASE, MAX_LEASE, MAX_WAIT, MIN_LEASE
from agent.core.api.workers import LARGEST, USUAL_LISTED
from agent.core.api.workers import MAX_LISTED as MAX_WORKERS
from agent.queue.limits import CAPABILITY, MAX_CAPABILITIES, MAX_JOBS
from agent.records.analytics import DIMENSIONS
from agent.schemas.components.values import (
    Schema,
    a_capability,
    a_name,
    an_id,
    either,
    matching,
    number,
    ref,
    text,
    whole,
)

TAGS = {
    "jobs": "Jobs that are run at once, or for a lease",
    "activations": "Jobs that wait in the queue",
    "agents": "What agents are",
    "apps": "What the FiberWise SDK asks",
    "workers": "Workers that take jobs from the queue",
    "isolate": "The agent itself",
}
_ONE = CAPABILITY.pattern
_NAMES = text(
    "with commas between them; default all of the agent's",
    pattern=f"^{_ONE}(,{_ONE}){{0,{MAX_CAPABILITIES - 1}}}$",
    examples=["text-processing,database"],
)


_DIMENSION = "|".join(DIMENSIONS)


def _time(about: str) -> Schema:
    as_text = text(format="date-time", examples=["2026-09-21T14:00:00Z"])
    return either(as_text, text(pattern=r"^[0-9]{1,14}$"), about=about)


_SECONDS = "seconds; `s` may stand behind them"
PARAMETERS: dict[str, Schema] = {
    "id": an_id("the activation's id, or the agent's"),
    "app": text("the app; it is kept in the metadata", minLength=1, maxLength=MAX_APP),
    "version": whole("the version; default the newest one", 1, agents.MAX_VERSION),
    "agents": whole("agents", 1, agents.MAX_LISTED, default=20),
    "after": an_id("`next_after` of the page before"),
    "worker_id": a_name("the worker; without it the header `x-worker-id`, or the key's id"),
    "capabilities": _NAMES,
    "limit": whole("jobs", 1, MAX_JOBS, default=1),
    "wait": number(f"{_SECONDS}, for a job to be there", 0, MAX_WAIT, default=0),
    "lease": number(_SECONDS, MIN_LEASE, MAX_LEASE, default=LEASE),
    "tenant": a_name("whose jobs; others' need the scope `agent:worker`"),
    "state": {**ref("State"), "default": "failed"},
    "most": whole("activations", 1, MAX_LISTED, default=20),
    "from": _time("of the first request; default a day before `to`"),
    "to": _time("end of the time, which does not count; default now"),
    "by": text(
        f"what groups differ in, with commas: {', '.join(DIMENSIONS)}; without it there is one",
        pattern=f"^({_DIMENSION})(,({_DIMENSION})){{0,4}}$",
        examples=["capability,hour"],
    ),
    "of_capability": a_capability("only jobs of this one"),
    "region": matching(analytics.REGION, "only what variants of this one have answered"),
    "of_tenant": a_name(f"only this tenant's; others' need the scope `{ANALYTICS_SCOPE}`"),
    "endpoint": matching(analytics.ENDPOINT, "only this path, such as `/execute`"),
    "worker_state": ref("WorkerState", "default both"),
    "has_capability": a_capability("workers that have it"),
    "workers": whole("workers", 1, MAX_WORKERS, default=USUAL_LISTED),
    "after_worker": whole("as `next_after` told it", 0, LARGEST, default=0),
    "some_capabilities": {
        **_NAMES,
        "description": "with commas between them; default all of them",
    },
    "before": whole("milliseconds since 1970, as `next_before` told it", 0, 10**15 - 1),
}
# Several have one name.
NAMED = {
    "most": "limit",
    "agents": "limit",
    "of_capability": "capability",
    "of_tenant": "tenant",
    "worker_state": "state",
    "has_capability": "capability",
    "workers": "limit",
    "after_worker": "after",
    "some_capabilities": "capability",
}
ID = "/activations/{id}"
AGENT = "/agents/{id}"


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
_POLL = "Jobs are leased to a worker: the highest priority first; within one, tenants take turns"
_UNREAD = "a body is not read"
_BOTH = {"text/plain": "for `Accept: text/plain`, as Prometheus reads it"}
_STREAM = {"text/event-stream": "with `stream`; the header `x-job-id` has the job's id"}

OPERATIONS = (
    Operation("GET", "/", "front", "isolate", "Name and version", "text/plain", is_open=True),
    Operation("GET", "/health", "health", "isolate", "Whether it is well", "Healthy", is_open=True),
    Operation("GET", "/status", "status", "isolate", "The same", "Healthy"),
    Operation("GET", "/openapi.json", "openapi", "isolate", "This", "OpenApi", is_open=True),
    Operation("GET", "/metrics", "metrics", "isolate", "Its counts", "Metrics", more=_BOTH),
    Operation(
        *("GET", "/analytics", "analytics", "isolate"),
        "Requests, errors and times, from what is kept of requests: one's own, or with the scope "
        f"`{ANALYTICS_SCOPE}` everybody's",
        "Analysed",
        query=("from", "to", "by", "of_capability", "region", "of_tenant", "endpoint"),
    ),
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
        query=("worker_state", "has_capability", "workers", "after_worker"),
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
        "A job is run and answered: one that is sent along, or one of the queue",
        "Executed",
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
        refuses=(404, 409, 422),
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
    Operation(
        *("GET", "/agents", "listAgents", "agents", "One's own agents, by their ids", "Agents"),
        query=("agents", "after"),
    ),
    Operation(
        *("GET", AGENT, "showAgent", "agents", "What an agent is, or was in a version", "Agent"),
        query=("version",),
        refuses=(404,),
        headers=("etag",),
    ),
    Operation(
        *("PUT", AGENT, "putAgent", "agents"),
        "What an agent is from now on: a new version, if it was not so already. It needs the scope "
        "`agents:write`; with the header `if-match` it replaces that version only",
        "PutAgent",
        takes="AgentDefinition",
        refuses=(404, 409, 412),
        headers=("etag",),
    ),
    Operation(
        *("DELETE", AGENT, "deleteAgent", "agents"),
        "An agent is deleted; it needs the scope `agents:write`",
        "DeletedAgent",
        refuses=(404, 412),
    ),
    Operation(
        *("POST", "/apps/{app}/agents/{id}/activate", "activate", "apps"),
        "An agent is activated; the answer does not wait for the run",
        "AgentActivation",
        takes="Activate",
        refuses=(409, 422),
    ),
    Operation(
        *("GET", "/apps/{app}/agents/activations/{id}", "showActivation", "apps"),
        "How an activation stands, and what came of it",
        "AgentActivation",
        refuses=(404,),
    ),
)
