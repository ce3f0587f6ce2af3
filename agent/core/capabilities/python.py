"""The capability `python-execution`: `{"code": …, "context": {…}, "timeout_ms": …}` gives what
the code assigns to `result`, and what it printed."""

from __future__ import annotations

from typing import Any, Protocol

from agent.core.capabilities.fields import check_known, text, whole
from agent.core.capabilities.refused import Refused, Unavailable
from agent.core.capabilities.tools import Output, Tools
from agent.sandbox.execute import MAX_CODE, MAX_TIMEOUT_MS, TIMEOUT_MS, Job, Outcome

FIELDS = ("code", "context", "timeout_ms")
# What may go well next time: no isolate was to be had, or one was taken away.
PASSING = ("unavailable", "crashed")


class Python(Protocol):
    def run(self, tenant: str, job: Job) -> Outcome: ...


def run_python(given: dict[str, Any], tools: Tools) -> Output:
    """Raises `Refused` or `Unavailable`."""
    outcome = tools.python.run(tools.tenant, _job(given))
    error = outcome.error
    if error is None:
        return Output(outcome.result, {"stdout": outcome.stdout, "warm": outcome.warm})
    more: dict[str, Any] = {"kind": error.kind, "stdout": outcome.stdout}
    if error.line is not None:
        more |= {"line": error.line, "traceback": list(error.traceback)}
    raise (Unavailable if error.kind in PASSING else Refused)(error.message, **more)


def _job(given: dict[str, Any]) -> Job:
    check_known(given, FIELDS)
    code, context = text(given, "code"), given.get("context", {})
    timeout_ms = whole(given, "timeout_ms", TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
    if len(code) > MAX_CODE:
        raise Refused(f"`code` has {len(code):,} characters, and {MAX_CODE:,} are allowed")
    if not isinstance(context, dict):
        raise Refused("`context` is an object: its fields are what the code finds in `context`")
    return Job(code, context, timeout_ms)
