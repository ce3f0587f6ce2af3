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
        return failure(error.name, str(error), sending)
    return unbound(sending) if answer is None else answer


def failure(name: str, said: str, sending: Sending) -> Failure:
    """What an error of that name means; `said` is for the log."""
    if name == "TimeoutError":
        problem = Problem("variant-timeout", "The backend did not begin to answer in time.")
        return Failure(problem, f"no answer in {sending.timeout_ms} ms")
    if name == "BodyTooLarge" and sending.limit is not None:
        return Failure(body_too_large(sending.limit), f"more than {sending.limit} bytes")
    if name == "UploadBroken":
        return upload_broken()
    problem = Problem("variant-failed", "The backend did not answer.")
    return Failure(problem, said[:200], reached=name != "NotReached")


def unbound(sending: Sending) -> Failure:
    """The binding is not there, or something else than a service."""
    detail = "The backend for this request is not connected to the router."
    problem = Problem("variant-unbound", detail)
    return Failure(problem, f"no binding {sending.binding}", reached=False)


def upload_broken() -> Failure:
    """The client has broken off what it was sending, which is not the variant's fault."""
    return Failure(Problem("bad-request", "The request's body broke off."), "broken body")
