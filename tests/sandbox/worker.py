"""workerd with a Worker that has the sandbox, for the tests of `agent/sandbox`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agent.config import HANDED_ON
from agent.packages import archives
from router.dev.layout import Layout, find_root
from router.dev.loopback import HOST, answers, free_port
from router.dev.prepare import prepare
from router.dev.process import ServerProcess
from router.dev.runtime import serve
from router.dev.workerd import WorkerdWorker, text

HERE = Path(__file__).parent
SECRET = "the-secret-of-the-agent"
STARTED_WITHIN = 60.0
FLAGS = (
    "python_workers",
    "disable_python_no_global_handlers",
    "disable_python_external_sdk",
)
LOCAL_FLAGS = ("python_workers_development", "experimental")


@dataclass(frozen=True)
class Sandbox:
    url: str
    server: ServerProcess

    def run(self, code: str, **more: Any) -> dict[str, Any]:
        """The outcome of `code`; `more`: `context`, `tenant`, `timeout_ms`."""
        answer = httpx.post(self.url, json={"code": code, **more}, timeout=120)
        assert answer.status_code == 200, answer.text
        outcome: dict[str, Any] = answer.json()
        return outcome


@contextmanager
def running(folder: Path, python_packages: Sequence[str] = ()) -> Iterator[Sandbox]:
    layout = Layout(find_root(HERE))
    prepare(layout)
    modules = {"entry.py": HERE / "entry.py"}
    for package in ("agent/sandbox", "workers_runtime"):
        for path in [layout.root / "agent/__init__.py", *(layout.root / package).iterdir()]:
            name = path.relative_to(layout.root).as_posix()
            if path.suffix in (".py", ".js"):
                modules[f"{name}.source" if name in HANDED_ON else name] = path
    for name, data in archives(python_packages).items():
        modules[f"agent/sandbox/{name}"] = folder / name
        (folder / name).write_bytes(data)
    date = layout.config["compatibility_date"]
    bindings = {"LOADER": "workerLoader = ()", "SECRET": text(SECRET)}
    worker = WorkerdWorker("sandbox", modules, date, [*FLAGS, *LOCAL_FLAGS], bindings)
    port = free_port()
    sandbox = Sandbox(f"http://{HOST}:{port}", serve(layout, [worker], port, folder))
    try:
        deadline = time.monotonic() + STARTED_WITHIN
        while not answers(sandbox.url):
            assert sandbox.server.alive, sandbox.server.output()
            assert time.monotonic() < deadline, sandbox.server.output()
            time.sleep(0.1)
        yield sandbox
    finally:
        sandbox.server.stop()
