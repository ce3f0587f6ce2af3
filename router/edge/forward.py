"""One attempt: a request goes to a variant's service binding, and what came of it.

The body streams through unread. A timeout runs until the answer begins, not until it
ends, so that streams and server-sent events may take their time.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.decisions.limits import body_too_large
from policies.decisions.problems import Problem
from router.edge.bridge import JsException, JsObject, Sending, send


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer: the problem for the client, and the reason for the log. `reached`: the
    request may have come to the variant; else it is as it was, and so is its body."""

    problem: Problem
    reason: str
    reached: bool = True


def attempt(env: JsObject, sending: Sending) -> JsObject | Failure:
    """The variant's answer, as soon as it begins."""
    try:
        answer = send(env, sending)
    except JsException as error:
        if error.name == "TimeoutError":
            detail = "The backend did not begin to answer in time."
            return Failure(
                Problem("variant-timeout", detail), f"no answer in {sending.timeout_ms} ms"
            )
        if error.name == "BodyTooLarge" and sending.limit is not None:
            reason = f"more than {sending.limit} bytes"
            return Failure(body_too_large(sending.limit), reason)
        if error.name == "UploadBroken":
            return upload_broken()
        problem = Problem("variant-failed", "The backend did not answer.")
        return Failure(problem, str(error)[:200], reached=error.name != "NotReached")
    if answer is None:  # not there, or something else than a service
        detail = "The backend for this request is not connected to the router."
        problem, reason = Problem("variant-unbound", detail), f"no binding {sending.binding}"
        return Failure(problem, reason, reached=False)
    return answer


def upload_broken() -> Failure:
    """The client has broken off what it was sending, which is not the variant's fault."""
    return Failure(Problem("bad-request", "The request's body broke off."), "broken body")
