"""Schemas of activations and leases, in requests and responses."""

from __future__ import annotations

from typing import get_args

from agent.callbacks.callback import MAX_ATTEMPTS as MAX_POSTS
from agent.callbacks.callback import MAX_URL, CallbackState
from agent.core.api.activations import MAX_LISTED, STATES
from agent.core.api.polling import LEASE, MAX_ATTEMPT, MAX_LEASE, MAX_WAIT, MIN_LEASE
from agent.core.capabilities.execution import CAPABILITIES
from agent.core.jobs.activation import DISPATCHES, MAX_START_WITHIN, MIN_START_WITHIN, START_WITHIN
from agent.queue.job import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, HIGHEST, LOWEST
from agent.queue.limits import (
    MAX_ATTEMPTS,
    MAX_CAPABILITIES,
    MAX_DEPENDENCIES,
    MAX_ERROR,
    MAX_JOBS,
)
from agent.records.records import MAX_STEPS
from agent.schemas.components.agents import CORE_WORDS, OF_AGENT
from agent.schemas.components.inputs import INPUTS
from agent.schemas.components.results import STDOUT, WARM, completed
from agent.schemas.components.values import (
    Schema,
    a_capability,
    a_name,
    always,
    an_id,
    any_object,
    anything,
    discriminated,
    either,
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

ENDED = ("completed", "failed", "cancelled")
STATE = ref("State", "how the job stands")
_WORKER = a_name("the worker")
_TENANT = a_name("whose job it is, if not one's own; needs the scope `agent:worker`")
_ATTEMPT = whole("as `/poll` told it", 1, MAX_ATTEMPT)
_LEASE = number("seconds", MIN_LEASE, MAX_LEASE, default=LEASE)
_ATTEMPTS = whole("attempts, before it is a dead letter", 1, MAX_ATTEMPTS, default=DEFAULT_ATTEMPTS)
_HELD: dict[str, Schema] = {"worker_id": _WORKER, "attempt": _ATTEMPT, "tenant": _TENANT}

DATA = fields_of(
    {
        "capability": a_capability("the agent itself has some; workers may have any"),
        "input": ref("JobInput", "what the capability takes; it is looked at when the job is run"),
        "dispatch": {**ref("Dispatch", "who runs it: the agent, or who polls"), "default": "edge"},
        "max_attempts": _ATTEMPTS,
        "start_within": number(
            "seconds: a job that has not started by then fails; default "
            f"{START_WITHIN:,.0f} with `dispatch` `poll`, no limit with `edge`",
            MIN_START_WITHIN,
            MAX_START_WITHIN,
        ),
    },
    "What is to be done",
    ("input", "dispatch", "max_attempts", "start_within"),
)
_PRIORITY = whole("the highest goes first", LOWEST, HIGHEST)
_ANY_PRIORITY = {
    "type": "integer",
    "default": DEFAULT_PRIORITY,
    "description": f"the highest goes first; what is beyond {LOWEST} to {HIGHEST} is cut off",
}
_CALLBACK_URL = {
    "type": ["string", "null"],
    "maxLength": MAX_URL,
    "description": "where the outcome is posted; CALLBACK_HOSTS says where that may be, and "
    "elsewhere nothing is posted",
}
# In whatever shape it comes.
SENT_DATA = either(
    *(ref(f"{name}Data") for name in ("Activation", "Python", "Database", "Completion")),
    ref("EmbeddingsData"),
    ref("CoreActivation"),
)
_DEPENDS_ON = listed(
    an_id("one of one's own"),
    "activations that have to complete before; their results are its `inputs`",
    maxItems=MAX_DEPENDENCIES,
)
SUBMITTED: dict[str, Schema] = {
    "priority": _ANY_PRIORITY,
    "callback_url": _CALLBACK_URL,
    "depends_on": _DEPENDS_ON,
}
_EXAMPLE = {"capability": "text-processing", "input": {"text": "One two. Three!"}}
_STANDS: dict[str, Schema] = {
    "attempt": whole("counted from 1; 0 before the first", 0),
    "max_attempts": whole("", 1),
    "worker_id": or_null(text("who holds it, or has ended it")),
    "submitted_at": time("when it was submitted"),
}
_TIMES: dict[str, Schema] = {
    "available_at": time("from when on a job that waits may be leased"),
    "start_by": time("when one that waits fails, if no worker has taken it"),
    "lease_until": time("until when it is leased"),
    "ended_at": time("when it ended"),
}
_TERMS: dict[str, Schema] = {
    "depends_on": {**_DEPENDS_ON, "description": "what has to complete before; not in lists"},
    "waits_for": listed(
        an_id("one"), "those of them that have not completed", maxItems=MAX_DEPENDENCIES
    ),
    "start_within": number("seconds that it may wait for a run; not in lists", MIN_START_WITHIN),
}
_HANDED_OUT: dict[str, Schema] = {
    "capability": a_capability("as `/poll` told it"),
    "input": ref("JobInput", "as `/poll` told it"),
    "inputs": ref("Inputs", "as `/poll` told it"),
    "priority": _PRIORITY,
    "max_attempts": _STANDS["max_attempts"],
    "submitted_at": _STANDS["submitted_at"],
    "lease_until": _TIMES["lease_until"],
}
_OUTCOME: dict[str, Schema] = {
    "error": text("of the last attempt that went wrong", maxLength=MAX_ERROR),
    "result": anything("of a completed one"),
    "stdout": STDOUT,
    "warm": WARM,
    "callback": either(ref("Callback"), ref("NoCallback")),
    "log": listed(ref("Step"), "what became of it, the first step first", maxItems=MAX_STEPS),
}
_LATER = tuple(name for name in CORE_WORDS if name != "core_status")


def _sent(capability: str) -> Schema:
    fields = {
        "capability": always(capability),
        "input": ref(INPUTS[capability]),
        "job_id": an_id("for the answer; made up, if it is missing"),
    }
    return fields_of(fields, f"A job of `{capability}` that is sent along", ("job_id",))


def _named(what: str) -> dict[str, str]:
    """The name of that shape for each capability, such as `DatabaseJob`."""
    return {capability: INPUTS[capability].replace("Input", what) for capability in CAPABILITIES}


SCHEMAS: dict[str, Schema] = {
    "Job": discriminated("capability", _named("Job"), "a job that is sent along"),
    **{name: _sent(capability) for capability, name in _named("Job").items()},
    "Lease": fields_of(
        {"job_id": an_id("the job"), **_HELD, **_HANDED_OUT},
        "A lease on a job, or the whole of the job as `/poll` told it",
        ("tenant", *_HANDED_OUT),
    ),
    "Completed": discriminated("capability", _named("Completed")),
    **{name: completed(capability) for capability, name in _named("Completed").items()},
    "CompletedStatus": always("completed"),
    "State": one_of(STATES),
    "Dispatch": one_of(DISPATCHES, "Who runs a job: the agent, or who polls"),
    "JobInput": any_object("What a capability takes"),
    "ActivationData": DATA,
    "Submission": fields_of(
        {
            "activation_id": an_id("the same one again is the same activation"),
            "activation_data": SENT_DATA,
            **SUBMITTED,
        },
        optional=("priority", "callback_url", "depends_on"),
        examples=[{"activation_id": "a-1", "activation_data": _EXAMPLE}],
    ),
    "Activation": fields_of(
        {
            "status": STATE,
            "activation_id": an_id("its id"),
            "capability": a_capability("what it needs"),
            "dispatch": ref("Dispatch", "who runs it"),
            "priority": _PRIORITY,
            **_STANDS,
            **_TIMES,
            **_TERMS,
            **OF_AGENT,
            **CORE_WORDS,
            **_OUTCOME,
        },
        optional=(*_TIMES, *_TERMS, *OF_AGENT, *_LATER, *_OUTCOME),
    ),
    "Step": fields_of(
        {
            "at": time("since when"),
            "status": STATE,
            "attempt": _STANDS["attempt"],
            "worker_id": _STANDS["worker_id"],
            "error": text("of the attempt before"),
        },
        "How an activation stood for a while",
        ("error",),
    ),
    "Callback": fields_of(
        {
            "url": text("where it goes"),
            "status": one_of(get_args(CallbackState)),
            "attempt": whole("", 0, MAX_POSTS),
            "answer": or_null(whole("the status of the last answer", 100, 599)),
            "error": or_null(text("what was wrong with it")),
            "due_at": time("when it is sent"),
            "ended_at": time("when it was delivered, or given up"),
        },
        "How the callback of an activation stands",
        ("due_at", "ended_at"),
    ),
    "Activations": fields_of(
        {
            "status": always("success"),
            "activations": listed(
                ref("Activation"), "the youngest first, without results", maxItems=MAX_LISTED
            ),
            "next_before": whole("`before` of the next page, if there may be one"),
        },
        optional=("next_before",),
    ),
    "Attempts": fields_of(
        {"max_attempts": {**_ATTEMPTS, "description": "more attempts"}}, "", ("max_attempts",)
    ),
    "Poll": fields_of(
        {
            "worker_id": _WORKER,
            "capabilities": listed(
                a_capability("default all of the agent's"),
                minItems=1,
                maxItems=MAX_CAPABILITIES,
            ),
            "limit": whole("jobs", 1, MAX_JOBS, default=1),
            "wait": number("seconds, for a job to be there", 0, MAX_WAIT, default=0),
            "lease": _LEASE,
            "tenant": _TENANT,
        },
        "What a worker is for",
        ("worker_id", "capabilities", "limit", "wait", "lease", "tenant"),
        examples=[{"worker_id": "w-1", "limit": 5}],
    ),
    "Polled": fields_of(
        {
            "status": always("success"),
            "jobs": listed(ref("LeasedJob"), "leased to the worker", maxItems=MAX_JOBS),
            "poll_timestamp": time("when that was"),
        }
    ),
    "LeasedJob": fields_of(
        {
            "job_id": an_id("the activation's id"),
            "tenant": a_name("whose it is"),
            "capability": a_capability("what it needs"),
            "input": ref("JobInput", "what is to be done"),
            "inputs": ref("Inputs", "of a job that depends on others: what these gave"),
            "priority": _PRIORITY,
            **_STANDS,
            "lease_until": _TIMES["lease_until"],
        },
        optional=("inputs",),
    ),
    "Inputs": any_object("Results, each under the id of the activation that gave it"),
    "Extension": fields_of({**_HELD, "lease": _LEASE}, "", ("tenant", "lease")),
    "Completion": fields_of(
        {**_HELD, "result": anything("any value"), "stdout": STDOUT}, "", ("tenant", "stdout")
    ),
    "Failure": fields_of(
        {
            **_HELD,
            "error": text(f"what went wrong; {MAX_ERROR:,} characters are kept"),
            "retry": yes_or_no("whether trying again may help", default=True),
        },
        "",
        ("tenant", "retry"),
    ),
    "Told": fields_of(
        {"status": STATE, "activation_id": an_id("the job")}, "What has become of it"
    ),
    "Outcome": fields_of(
        {
            "activation_id": an_id("the job"),
            "status": one_of(ENDED),
            "worker_id": or_null(text("who ended it; null if nobody did")),
            "attempt": whole("counted from 1; 0 if it was never begun", 0),
            "completed_at": time("when it ended"),
            "result": anything("of a completed job"),
            "stdout": STDOUT,
            "warm": WARM,
            "error": text("of any other, in words"),
        },
        "What is posted to the `callback_url` of an activation",
        ("result", "stdout", "warm", "error"),
    ),
}
