"""Runs one job in an isolate of its own and reports the outcome.

The answer comes from the isolate that ran the code, so it is not trusted: its size is limited, and
it is validated. Whether the isolate was warm, and the duration, are measured here. An isolate is
never used twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, cast

from agent.sandbox.plain import BadResult, plain
from agent.sandbox.pool import Pool
from workers_runtime.json_text import read_writable_json

Kind = Literal["code-error", "timeout", "too-much-output", "bad-result", "crashed", "unavailable"]
# Errors that an isolate may report of its code; the others are noticed from outside.
TOLD = ("code-error", "timeout", "too-much-output", "bad-result")

TIMEOUT_MS = 5_000
MAX_TIMEOUT_MS = 30_000
MAX_CODE = 256 * 1024  # characters
MAX_STDOUT = 64 * 1024  # bytes
MAX_RESULT = 1024 * 1024  # bytes, as JSON
# The size limit of an isolate's answer: JSON may write a byte of text as six.
MAX_ANSWER = MAX_RESULT + 6 * MAX_STDOUT + 64 * 1024
# The isolate ends by itself after the deadline; one that merely waits is given up here.
GIVE_UP_AFTER_MS = 1_000


class PythonJob(NamedTuple):
    """`function`: a function of the code, called with `arguments` after the code has run."""

    code: str
    context: dict[str, object]
    timeout_ms: int = TIMEOUT_MS
    function: str | None = None
    arguments: dict[str, object] = {}  # noqa: RUF012 - nobody changes it


class Error(NamedTuple):
    """`line` and `traceback` are of the code itself."""

    kind: Kind
    message: str
    line: int | None = None
    traceback: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """`result` is valid if `error` is None. `warm`: the isolate was started before."""

    result: object
    error: Error | None
    stdout: str
    took_ms: float
    warm: bool


class IsolateError(Exception):
    """An isolate did not answer; `name` is that of the JavaScript error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Isolates(Protocol):
    def start(self, isolate: str) -> str: ...

    def run(self, isolate: str, job: str, cpu_ms: int, wait_ms: int, most: int) -> str: ...

    def tend(self, end: Sequence[str], start: Sequence[str]) -> None: ...


class RunResult(NamedTuple):
    """The outcome of a job, without its duration."""

    result: object = None
    error: Error | None = None
    stdout: str = ""


def execute(
    pool: Pool, isolates: Isolates, tenant: str, job: PythonJob, now: Callable[[], float]
) -> Outcome:
    """Run `job` for `tenant`; `now` is in milliseconds."""
    began = now()
    refused = _refused(job)
    if refused:
        return Outcome(None, refused, "", 0.0, False)
    isolate = pool.take(tenant, began)
    if isolate is None:
        busy = Error("unavailable", "no isolate is free for this key; try again in a moment")
        return Outcome(None, busy, "", now() - began, False)
    try:
        warm, run = _in_isolate(isolates, isolate, job, now)
    finally:
        care = pool.finish(isolate, tenant, now())
        isolates.tend(care.end, care.start)
    return Outcome(run.result, run.error, run.stdout, now() - began, warm)


def _refused(job: PythonJob) -> Error | None:
    if len(job.code) > MAX_CODE:
        return Error("code-error", f"the code has more than {MAX_CODE} characters")
    if not 1 <= job.timeout_ms <= MAX_TIMEOUT_MS:
        return Error("unavailable", f"timeout_ms must be from 1 to {MAX_TIMEOUT_MS}")
    return None


def _in_isolate(
    isolates: Isolates, isolate: str, job: PythonJob, now: Callable[[], float]
) -> tuple[bool, RunResult]:
    try:
        # No code has run in it yet, so this answer can be trusted.
        warm = json.loads(isolates.start(isolate))["starts"] > 1
    except IsolateError as error:
        return False, RunResult(error=Error("unavailable", f"no isolate could be started: {error}"))
    order = _run_order(job)
    began = now()
    try:
        wait = job.timeout_ms + GIVE_UP_AFTER_MS
        answer = isolates.run(isolate, order, job.timeout_ms, wait, MAX_ANSWER)
    except IsolateError as error:
        return warm, RunResult(error=_broken(error, job, now() - began))
    return warm, read(answer)


def _run_order(job: PythonJob) -> str:
    return json.dumps(
        {
            "order": "run",
            "code": job.code,
            "context": job.context,
            "function": job.function,
            "arguments": job.arguments,
            "timeout_ms": job.timeout_ms,
            "most_stdout": MAX_STDOUT,
            "most_result": MAX_RESULT,
        }
    )


def _broken(error: IsolateError, job: PythonJob, took_ms: float) -> Error:
    """Why there is no answer. On Cloudflare the clock may have stood still: then the platform's
    message decides."""
    if error.name == "TooMuchError":
        return Error("too-much-output", f"the isolate answered more than {MAX_ANSWER} bytes")
    if took_ms >= job.timeout_ms or error.name == "TimeoutError" or "CPU" in str(error):
        return Error("timeout", f"the code ran for more than {job.timeout_ms} ms")
    return Error("crashed", "the isolate ended while the code, or what it left behind, ran")


def read(answer: str) -> RunResult:
    """Parse an isolate's answer, which may be anything."""
    try:
        value = read_writable_json(answer)
        stdout = value.get("stdout", "")
        if not isinstance(stdout, str) or len(stdout.encode()) > MAX_STDOUT:
            raise ValueError
        if "error" not in value:
            return _result(plain(value["result"]), stdout)
        return RunResult(None, _error(value["error"]), stdout)
    except BadResult as error:
        return RunResult(error=Error("bad-result", str(error)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return RunResult(error=Error("crashed", "the isolate gave an answer that makes no sense"))


def _result(result: object, stdout: str) -> RunResult:
    if len(json.dumps(result)) > MAX_RESULT:
        message = f"`result` has more than {MAX_RESULT} bytes"
        return RunResult(error=Error("too-much-output", message), stdout=stdout)
    return RunResult(result, None, stdout)


def _error(fields: dict[str, Any]) -> Error:
    kind, message, line = fields["kind"], fields["message"], fields.get("line")
    trace = fields.get("traceback", [])
    texts = [kind, message, *trace]
    if kind not in TOLD or not all(isinstance(text, str) for text in texts):
        raise ValueError
    if line is not None and type(line) is not int:
        raise ValueError
    return Error(cast(Kind, kind), message, line, tuple(trace))
