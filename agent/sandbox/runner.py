"""What runs inside the isolate: one job's code, and what came of it.

Whatever is here is in the reach of that code, which may change it at will; so the isolate
gets one job and then ends, and its caller believes nothing of the answer but that it is the
code's own. What this module does is to say clearly what happened, and to refuse early. The
code's `import` refuses what leads to JavaScript, which keeps accidents out; the wall is the
isolate itself, which has no network, no bindings and no other modules.

This file is loaded as text by `isolates.py`: it imports the standard library alone, and the
runtime's modules only inside the functions that need them.
"""

from __future__ import annotations

import builtins
import io
import json
import linecache
import os
import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

FILE = "<code>"
MAX_DEPTH = 64  # of lists and dictionaries in each other
MAX_VALUES = 200_000
MAX_INTEGER = 2**53 - 1  # more is not the same number for every reader of JSON
MAX_FRAMES = 20  # of a traceback: the outermost half and the innermost
MAX_MESSAGE = 2_000
MAX_PLACE = 200  # characters of where a value stands
# The ways to JavaScript and to raw memory, and the runtime's own modules.
CLOSED = (
    *("js", "pyodide_js", "pyodide", "_pyodide", "_pyodide_core", "_pyodide_entrypoint_helper"),
    *("workers", "runner", "ctypes", "_ctypes"),
)
KILL_AFTER_MS = 500  # past the deadline: time to heed the interrupt

_starts = 0
_guard: Any = None


class TooMuchOutput(BaseException):
    """Not an `Exception`: code that catches those shall not go on printing."""


class BadResult(Exception):
    pass


class Output(io.TextIOBase):
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


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The outcome of `job` (`code`, `context`, `most_stdout`, `most_result`): `stdout` and
    either `result` or `error` (`kind`, `message`, `line`, `traceback`)."""
    output = Output(job["most_stdout"])
    try:
        outcome = _outcome(job, output)
    except TooMuchOutput:
        outcome = {}
    if output.over:
        message = f"more than {job['most_stdout']} bytes were printed"
        outcome = _error("too-much-output", message)
    return {**outcome, "stdout": output.text()}


def _outcome(job: dict[str, Any], output: Output) -> dict[str, Any]:
    code: str = job["code"]
    main = types.ModuleType("__main__")
    main.__dict__["context"] = job["context"]
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    try:
        with _stage(main, output):
            exec(compile(code, FILE, "exec", dont_inherit=True), main.__dict__)
    except TooMuchOutput:
        raise
    except BaseException as error:
        return _code_error(error)
    if "result" not in main.__dict__:
        return _error("bad-result", "the code assigned nothing to `result`")
    try:
        result = plain(main.__dict__["result"])
        size = len(json.dumps(result))
    except BadResult as error:
        return _error("bad-result", str(error))
    if size > job["most_result"]:
        return _error("too-much-output", f"`result` has more than {job['most_result']} bytes")
    return {"result": result}


@contextmanager
def _stage(main: types.ModuleType, output: Output) -> Iterator[None]:
    """The code is `__main__`, prints to `output`, reads nothing and imports no way out."""
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


def plain(value: object) -> Any:
    """`value` as JSON has it: a copy of plain types. Raises `BadResult` that says where."""
    return _Plain().copy(value, "result", 0)


class _Plain:
    def __init__(self) -> None:
        self.values = 0

    def copy(self, value: object, place: str, depth: int) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise BadResult(f"`result` holds more than {MAX_VALUES} values")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return _text(value, place)
        if isinstance(value, int):
            return _integer(int(value), place)
        if isinstance(value, float):
            return _number(float(value), place)
        if depth >= MAX_DEPTH and isinstance(value, (dict, list, tuple)):
            raise BadResult(f"{place[:30]}…: nested deeper than {MAX_DEPTH}, or within itself")
        if isinstance(value, dict):
            return {
                _key(key, place): self.copy(item, _within(place, key), depth + 1)
                for key, item in dict.items(value)
            }
        if isinstance(value, (list, tuple)):
            return [self.copy(v, _within(place, i), depth + 1) for i, v in enumerate(value)]
        raise BadResult(f"{place}: a {type(value).__name__} is no JSON value")


def _within(place: str, key: object) -> str:
    """It is made for each value, so it must not grow with the keys."""
    return f"{place[:MAX_PLACE]}[{key!r:.100}]"


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise BadResult(f"{place}: the key {key!r:.100} is no text; JSON has no other keys")
    return _text(key, place)


def _text(value: str, place: str) -> str:
    try:
        return str(value).encode().decode()
    except UnicodeEncodeError:
        raise BadResult(f"{place}: text with half a character (a lone surrogate)") from None


def _integer(value: int, place: str) -> int:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise BadResult(f"{place}: an integer beyond ±(2**53 - 1); give it as text")
    return value


def _number(value: float, place: str) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise BadResult(f"{place}: {value} is no JSON value")
    return value


def _error(
    kind: str, message: str, line: int | None = None, trace: Sequence[str] = ()
) -> dict[str, Any]:
    error = {"kind": kind, "message": message[:MAX_MESSAGE], "line": line, "traceback": [*trace]}
    return {"error": error}


def _code_error(error: BaseException) -> dict[str, Any]:
    """What the code raised, with the places in it; nothing of what called it."""
    message = _told(error)
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return _error("code-error", message, error.lineno)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == FILE]
    lines = [f"line {f.lineno}, in {f.name}: {(f.line or '')[:200]}" for f in frames]
    if len(lines) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines = [*lines[:half], f"({len(lines) - MAX_FRAMES} more)", *lines[-half:]]
    return _error("code-error", message, frames[-1].lineno if frames else None, lines)


def _told(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # the code's own exceptions say what they like
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """The isolate's one handler: told to start, to run a job, or to end."""
    import js
    from pyodide.ffi import run_sync

    job = json.loads(run_sync(request.text()))
    answer = ORDERS[job["order"]](job)
    return js.Response.new(json.dumps(answer))


def _start(job: dict[str, Any]) -> dict[str, Any]:
    """Ready for a job. `starts` tells whether this isolate was ready before."""
    global _guard, _starts
    import pyodide_js
    from workers import import_from_javascript

    _starts += 1
    if _guard is None:
        _guard = import_from_javascript("guard.js")
        _guard.install(pyodide_js, job["memory"])
        _silence()
    return {"starts": _starts}


def _silence() -> None:
    """What goes past `sys.stdout` would fill the agent's own log."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _run(job: dict[str, Any]) -> dict[str, Any]:
    import pyodide_js

    guard = _guard
    guard.arm(pyodide_js, job["timeout_ms"], KILL_AFTER_MS)
    interrupted = False
    outcome: dict[str, Any] = {"stdout": ""}
    try:
        outcome = run(job)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        late = guard.disarm(pyodide_js)
    if late or interrupted:
        error = outcome.get("error", {})
        message = f"the code ran for more than {job['timeout_ms']} ms"
        told = _error("timeout", message, error.get("line"), error.get("traceback", ()))
        return {**told, "stdout": outcome["stdout"]}
    return outcome


def _end(job: dict[str, Any]) -> dict[str, Any]:
    _guard.stop()
    return {}


ORDERS = {"start": _start, "run": _run, "end": _end}
