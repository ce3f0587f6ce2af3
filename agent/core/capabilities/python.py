"""The capability `python-execution`: `{"code": …, "context": {…}, "timeout_ms": …}` gives the
result of the code, and what it printed. With `"function": …, "arguments": {…}` the result is
what that function of the code returns."""

from __future__ import annotations

import re
from typing import Protocol

from agent.core.capabilities.results import Output
from agent.core.fields import check_known, text, whole
from agent.core.refused import Refused, Unavailable
from agent.sandbox.execute import MAX_CODE, MAX_TIMEOUT_MS, TIMEOUT_MS, Outcome, PythonJob
from workers_runtime.json_text import JsonObject

FIELDS = ("code", "context", "timeout_ms", "function", "arguments")
FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
# Errors that may pass: no isolate was free, or one was lost.
PASSING = ("unavailable", "crashed")


class Python(Protocol):
    def run(self, tenant: str, job: PythonJob) -> Outcome: ...


class PythonTools(Protocol):
    @property
    def tenant(self) -> str: ...

    @property
    def python(self) -> Python: ...


def run_python(given: dict[str, object], tools: PythonTools) -> Output:
    """Raises `Refused` or `Unavailable`."""
    outcome = tools.python.run(tools.tenant, _job(given))
    error = outcome.error
    if error is None:
        return Output(outcome.result, {"stdout": outcome.stdout, "warm": outcome.warm})
    more: dict[str, object] = {"kind": error.kind, "stdout": outcome.stdout}
    if error.line is not None:
        more |= {"line": error.line, "traceback": list(error.traceback)}
    raise (Unavailable if error.kind in PASSING else Refused)(error.message, **more)


def _job(given: dict[str, object]) -> PythonJob:
    check_known(given, FIELDS)
    code = text(given, "code")
    timeout_ms = whole(given, "timeout_ms", TIMEOUT_MS, 1, MAX_TIMEOUT_MS)
    if len(code) > MAX_CODE:
        raise Refused(f"`code` has {len(code):,} characters, and {MAX_CODE:,} are allowed")
    context = given.get("context", {})
    if not isinstance(context, dict):
        raise Refused("`context` is an object: its fields are what the code finds in `context`")
    return PythonJob(code, context, timeout_ms, *_call(given))


def _call(given: JsonObject) -> tuple[str | None, JsonObject]:
    """The function to call, and its arguments."""
    name, arguments = given.get("function"), given.get("arguments", {})
    if name is None and "arguments" in given:
        raise Refused("`arguments` are for a `function` of the code: say its name")
    is_name = isinstance(name, str) and FUNCTION.fullmatch(name)
    if "function" in given and not is_name:
        raise Refused("`function` is the name of a function that the code defines")
    if not isinstance(arguments, dict):
        raise Refused("`arguments` is an object: parameters of `function` by their names")
    return name, arguments
