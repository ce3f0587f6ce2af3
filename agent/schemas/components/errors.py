"""Schemas of errors: of the agent, and of the router before it."""

from __future__ import annotations

from agent.core.jobs.refusing import LIMITS
from agent.schemas.components.results import STDOUT
from agent.schemas.components.values import (
    Schema,
    always,
    an_id,
    any_object,
    fields_of,
    listed,
    number,
    one_of,
    ref,
    text,
    time,
    whole,
)

_STATE = ref("State", "how the job stands")
_SAID: dict[str, Schema] = {
    "error": text("what is wrong, and how to mend it"),
    "timestamp": time("now"),
}
_FAILED = one_of(("failed", "error"), "`error` of what was sent without a capability's name")
_ALSO: dict[str, Schema] = {
    "message": text("the same as `error`, where the FiberWise SDK looks for it"),
    "line": whole("of an agent's code", 1),
}
_WHY: dict[str, Schema] = {
    "execution_time_ms": number("milliseconds"),
    "state": _STATE,
    "kind": text("of an error of Python"),
    "stdout": STDOUT,
    "line": whole("of the code", 0),
    "traceback": listed(text(), "the code's own lines"),
    "model_code": whole("the code of Workers AI"),
    "scope": text("that the key has not"),
    "is_done": always("unknown", "nobody knows whether it was done"),
    "status_code": whole("what a site or an API answered", 100, 599),
    "url": text("of that answer"),
    "body": text("its beginning"),
    "content_type": text("of what is no page"),
    "retry_after_s": whole("seconds, if the site said so"),
}

SCHEMAS: dict[str, Schema] = {
    "Error": fields_of(
        {**_SAID, **_ALSO}, "What the agent says of a request that it does not do", tuple(_ALSO)
    ),
    "Conflict": fields_of(
        {**_SAID, "state": _STATE, "message": _ALSO["message"]},
        "A job stands otherwise than the request expects",
        ("message",),
    ),
    "LimitReached": fields_of(
        {
            **_SAID,
            "limit": one_of(
                (limit.variable for limit in LIMITS.values()), "a variable of the agent"
            ),
            "count": whole("what the tenant has of it"),
            "most": whole("what it may have", 1),
        },
        "A tenant has as much in the queue as it may have",
    ),
    "JobFailed": fields_of(
        {**_SAID, "job_id": an_id("the job"), "status": _FAILED, **_WHY},
        "A job that was tried, or that its capability does not take. Of a job of the queue "
        "`state` says how it stands now",
        tuple(_WHY),
    ),
    "Problem": any_object(
        "What the router says of a request that it does not pass on (RFC 9457)",
        properties={
            "type": text("a URN of the code"),
            "title": text(),
            "status": whole("", 400, 599),
            "detail": text("what is wrong"),
            "code": text("one of docs/problems.md"),
            "request_id": text("also the header `x-request-id`"),
        },
        required=["type", "title", "status", "detail", "code", "request_id"],
    ),
}
