"""Runs inside the isolate: executes the code of one job and reports the outcome.

The code can reach and change everything here. So the isolate runs one job and ends, and its caller
trusts nothing in the answer. This module only reports errors clearly and refuses early. The code's
`import` refuses the modules that lead to JavaScript, which prevents accidents; the security
boundary is the isolate itself, which has no network, no bindings and no other modules.

`isolates.py` loads this and the modules it imports as texts, into a package of their own: they
import each other relatively, the standard library, and the runtime's modules only inside the
functions that need them.
"""

from __future__ import annotations

import asyncio
import builtins
import io
import json
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from .calling import BadCall
from .leftovers import Leftovers
from .plain import BadResult, plain
from .program import FILE, NoResult, globals_of, run_program

MAX_FRAMES = 20  # of a traceback: the outermost half and the innermost
MAX_MESSAGE = 2_000
LIST = "python_packages"  # of variants.toml
NO_NETWORK = "not permitted to access the internet"  # what workerd says of an isolate without one
PACKAGE = "_sandbox"  # what this package is called in an isolate
# The packages: an archive of pure ones, one of others, and where those stand in an isolate.
PURE, NATIVE, SITE = "packages.zip", "native.zip", "python_modules"
# Modules that lead to JavaScript or raw memory, and the runtime's own.
CLOSED = (
    *("js", "pyodide_js", "pyodide", "_pyodide", "_pyodide_core", "_pyodide_entrypoint_helper"),
    *("workers", "entry", PACKAGE, "ctypes", "_ctypes"),
)
KILL_AFTER_MS = 500  # after the deadline: the time to react to the interrupt
ANSWER_WITHIN_MS = 700  # after the code has ended: the time to answer and to end

_starts = 0
_guard: Any = None
_leftovers = Leftovers()


class TooMuchOutput(BaseException):
    """Not an `Exception`, so that code that catches those cannot go on printing."""


class CapturedOutput(io.TextIOBase):
    """What the code prints, up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.size, self.over = most, 0, False
        self.parts: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.size += len(text.encode("utf-8", "replace"))
        if self.size > self.most:
            self.over = True
            raise TooMuchOutput
        self.parts.append(text)
        return len(text)

    def text(self) -> str:
        return "".join(self.parts).encode("utf-8", "replace").decode()


def run(job: dict[str, Any], settle: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The outcome of `job` (`code`, `context`, perhaps `function` and `arguments`;
    `most_stdout`, `most_result`): `stdout`, and either `result` or `error` (`kind`, `message`,
    `line`, `traceback`). `settle` waits for what the code has left to be done."""
    output = CapturedOutput(job["most_stdout"])
    try:
        outcome = _outcome(job, output, settle)
    except TooMuchOutput:
        outcome = {}
    if output.over:
        message = f"more than {job['most_stdout']} bytes were printed"
        outcome = _error("too-much-output", message)
    return {**outcome, "stdout": output.text()}


def _outcome(
    job: dict[str, Any], output: CapturedOutput, settle: Callable[[], None]
) -> dict[str, Any]:
    main = types.ModuleType("__main__")
    main.__dict__.update(globals_of(job["context"]))
    try:
        with _stage(main, output):
            result = plain(run_program(job, main.__dict__, settle))
            size = len(json.dumps(result))
    except (NoResult, BadResult) as error:
        return _error("bad-result", str(error))
    except BadCall as error:
        return _error("code-error", str(error))
    except TooMuchOutput:
        raise
    except BaseException as error:
        return _code_error(error)
    if size > job["most_result"]:
        return _error("too-much-output", f"`result` has more than {job['most_result']} bytes")
    return {"result": result}


@contextmanager
def _stage(main: types.ModuleType, output: CapturedOutput) -> Iterator[None]:
    """Run the code as `__main__`: it prints to `output`, has no input and a restricted `import`."""
    before, stdin = sys.modules["__main__"], sys.stdin
    main.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules["__main__"] = main
    sys.stdin = io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(output):
            yield
    finally:
        sys.stdin = stdin
        sys.modules["__main__"] = before


def _import(name: str, *more: Any, **named: Any) -> Any:
    """The code's `import`; the libraries that it uses have their own."""
    package = name.partition(".")[0]
    if package in CLOSED or package.startswith("_cloudflare"):
        raise ImportError(f"the module {name!r} cannot be used here", name=name)
    return builtins.__import__(name, *more, **named)


def _error(
    kind: str, message: str, line: int | None = None, trace: Sequence[str] = ()
) -> dict[str, Any]:
    error = {"kind": kind, "message": message[:MAX_MESSAGE], "line": line, "traceback": [*trace]}
    return {"error": error}


def _code_error(error: BaseException) -> dict[str, Any]:
    """The error that the code raised, with its places in the code only."""
    message = _error_text(error)
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return _error("code-error", message, error.lineno)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == FILE]
    lines = [f"line {f.lineno}, in {f.name}: {(f.line or '')[:200]}" for f in frames]
    if len(lines) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines = [*lines[:half], f"({len(lines) - MAX_FRAMES} more)", *lines[-half:]]
    return _error("code-error", message, frames[-1].lineno if frames else None, lines)


def _error_text(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # the code's own exceptions may do anything
        text = ""
    name = type(error).__name__
    return f"{name}: {text}{_hint(error, text)}" if text else name


def _hint(error: BaseException, text: str) -> str:
    """How the operator can provide a missing package or network."""
    if NO_NETWORK in text:
        return " Python has no network here: use `api-calls`, or set PYTHON_NETWORK to `guarded`"
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    package = module.partition(".")[0] if isinstance(module, str) else ""
    if not package or package in sys.stdlib_module_names or package in sys.modules:
        return ""
    return (
        f"; add the package, with its version, to `{LIST}` in agent/variants.toml: "
        f'["{package}==VERSION"]'
    )


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """The isolate's handler, for the orders start, run and end."""
    import js
    from pyodide.ffi import run_sync

    job = json.loads(run_sync(request.text()))
    answer = ORDERS[job["order"]](job)
    return js.Response.new(json.dumps(answer))


def _start(job: dict[str, Any]) -> dict[str, Any]:
    """Ready for a job. `starts` shows whether this isolate was ready before."""
    global _guard, _starts
    import pyodide_js
    from workers import import_from_javascript

    _starts += 1
    if _guard is None:
        _guard = import_from_javascript("guard.js")
        _guard.install(pyodide_js, job["memory"])
        _leftovers.watch(type(asyncio.get_event_loop()))
        _find_packages()
        _silence()
    return {"starts": _starts}


def _find_packages() -> None:
    """Put the packages last on the path, so they cost nothing until they are imported."""
    root = Path(__file__).parents[1]
    sys.path += [str(place) for place in (root / SITE, root / PURE) if place.exists()]


def _silence() -> None:
    """Silence output that bypasses `sys.stdout`, which would go to the agent's log."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _run(job: dict[str, Any]) -> dict[str, Any]:
    import pyodide_js

    guard = _guard
    guard.arm(pyodide_js, job["timeout_ms"], KILL_AFTER_MS, ANSWER_WITHIN_MS)
    interrupted = False
    outcome: dict[str, Any] = {"stdout": ""}
    try:
        outcome = run(job, _settle)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        late = guard.close()
        sys.settrace(None)
        _leftovers.end()
    if late or interrupted:
        error = outcome.get("error", {})
        message = f"the code ran for more than {job['timeout_ms']} ms"
        answer = _error("timeout", message, error.get("line"), error.get("traceback", ()))
        return {**answer, "stdout": outcome["stdout"]}
    return outcome


def _settle() -> None:
    from pyodide.ffi import run_sync

    _leftovers.settle(lambda ms: run_sync(_guard.pause(ms)))


def _end(job: dict[str, Any]) -> dict[str, Any]:
    _guard.stop()
    return {}


ORDERS = {"start": _start, "run": _run, "end": _end}
