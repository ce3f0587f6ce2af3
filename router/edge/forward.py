"""One attempt: a request goes to a variant's service binding, and what came of it.

The body streams through unread. A timeout runs until the answer begins, not until it
ends, so that streams and server-sent events may take their time.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.decisions.changes import Changes
from policies.decisions.limits import body_too_large
from policies.decisions.policy import Variant
from policies.decisions.problems import Problem
from router.edge.bridge import JsException, JsObject, send


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer: the problem for the client, and the reason for the log."""

    problem: Problem
    reason: str


def attempt(
    env: JsObject,
    variant: Variant,
    request: JsObject,
    url: str | None,
    changes: Changes,
    timeout_ms: int,
    limit: int | None = None,
    guarded: JsObject = None,
) -> JsObject | Failure:
    """The variant's answer, as soon as it begins. `url`: another one than the request's;
    `limit`: bytes of its body, whose length nobody has announced; `guarded`: its body, if
    it is guarded already."""
    try:
        answer = send(env, variant.binding, request, url, changes, timeout_ms, limit, guarded)
    except JsException as error:
        if error.name == "TimeoutError":
            detail = "The backend did not begin to answer in time."
            return Failure(Problem("variant-timeout", detail), f"no answer in {timeout_ms} ms")
        if error.name == "BodyTooLarge" and limit is not None:
            return Failure(body_too_large(limit), f"more than {limit} bytes")
        return Failure(Problem("variant-failed", "The backend did not answer."), str(error)[:200])
    if answer is None:  # not there, or something else than a service
        detail = "The backend for this request is not connected to the router."
        return Failure(Problem("variant-unbound", detail), f"no binding {variant.binding}")
    return answer
