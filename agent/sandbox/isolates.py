"""Isolates of the Worker Loader: the one place of the sandbox that touches the runtime.

An isolate gets the runner's modules, a guard and the packages, no bindings, and no network unless
`outbound` is given. It loads Python as the agent itself does: from the bundle of the development
runtime if the agent runs there.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import js
from pyodide.ffi import JsException, run_sync, to_js

from agent.sandbox.execute import IsolateError
from agent.sandbox.runner import NATIVE, PACKAGE, PURE, SITE
from workers_runtime.javascript import JsObject, module

MODULE = "agent/sandbox/loader.js"
COMPATIBILITY_DATE = "2026-11-17"
FLAGS = (
    "python_workers",
    "disable_python_no_global_handlers",
    "disable_python_external_sdk",
)
LOCAL_FLAGS = ("python_workers_development", "experimental")
MEMORY = 100 * 2**20  # bytes of Python's memory; it starts with 30 MB
START_WITHIN_MS = 60_000
# What is loaded into an isolate, as the package that the runner says.
MODULES = ("__init__", "runner", "program", "calling", "leftovers", "plain")
GUARD = "guard.js"  # uploaded as `guard.js.source`, a file
ENTRY = f"from {PACKAGE}.runner import on_fetch  # noqa: F401\n"


_found: JsObject = None


class LoadedIsolates:
    """`loader` is the binding, `outbound` the service that isolates send requests through, if
    they may; one for each request, as all that does I/O."""

    def __init__(self, loader: JsObject, ctx: JsObject, outbound: JsObject = None) -> None:
        self._loader, self._ctx, self._outbound = loader, ctx, outbound
        self._module = _loaded()
        self._code = worker_code()

    def start(self, isolate: str) -> str:
        return self._tell(isolate, order("start"), 0, START_WITHIN_MS, 1024)

    def run(self, isolate: str, job: str, cpu_ms: int, wait_ms: int, most: int) -> str:
        return self._tell(isolate, job, cpu_ms, wait_ms, most)

    def tend(self, end: Sequence[str], start: Sequence[str]) -> None:
        """Ends and starts isolates after the response, in the background."""
        ended, ready = json.dumps(end), json.dumps(start)
        orders = (order("end"), order("start"))
        self._module.tend(
            self._ctx,
            self._loader,
            self._outbound,
            self._code,
            ended,
            ready,
            *orders,
            START_WITHIN_MS,
        )

    def _tell(self, isolate: str, text: str, cpu_ms: int, wait_ms: int, most: int) -> str:
        way = (self._loader, self._outbound, isolate, self._code)
        try:
            answer: str = run_sync(self._module.tell(*way, text, cpu_ms, wait_ms, most))
        except JsException as error:
            raise IsolateError(str(error.name), str(error.message)) from error
        return answer


def _loaded() -> JsObject:
    """The JavaScript module, given the packages once for all requests."""
    global _found
    if _found is None:
        _found = module(MODULE)
        if (archive := _file(PURE)).is_file():
            _found.keep(PURE, to_js(archive.read_bytes()))
        if (archive := _file(NATIVE)).is_file():
            for name, data in unpacked(archive.read_bytes()):
                _found.keep(name, to_js(data))
    return _found


def unpacked(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in opened.namelist():
            yield f"{SITE}/{name}", opened.read(name)


def order(name: str) -> str:
    return json.dumps({"order": name, "memory": MEMORY})


def worker_code() -> str:
    """The Worker code for the loader, as JSON."""
    modules = {f"{PACKAGE}/{name}.py": {"py": _text(f"{name}.py")} for name in MODULES}
    local = bool(js.Cloudflare.compatibilityFlags.python_workers_development)
    code = {
        "compatibilityDate": COMPATIBILITY_DATE,
        "compatibilityFlags": [*FLAGS, *(LOCAL_FLAGS if local else ())],
        "mainModule": "entry.py",
        "modules": {"entry.py": {"py": ENTRY}, **modules, GUARD: {"js": _text(f"{GUARD}.source")}},
        "env": {},
    }
    return json.dumps({**code, "allowExperimental": True} if local else code)


def _text(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")


def _file(name: str) -> Path:
    return Path(__file__).with_name(name)
