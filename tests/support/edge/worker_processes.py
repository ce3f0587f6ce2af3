"""The reference worker of examples/worker as processes, what their handlers did, and a way to the
agent that loses answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
WORKER = ROOT / "examples" / "worker" / "worker.py"
# Each call of a handler is a line of `record`. Inputs say what a handler is to do.
HANDLERS = """
import json, os, time

class Refused(Exception):
    retry = False

def handle(given, job):
    line = {name: job[name] for name in ("job_id", "worker_id", "attempt", "capability")}
    with open(%(record)r, "a") as file:
        file.write(json.dumps({**line, "at": time.time(), "inputs": job.get("inputs")}) + "\\n")
    time.sleep(given.get("seconds", 0))
    if "refuse" in given:
        raise Refused(given["refuse"])
    if job["attempt"] <= given.get("failures", 0):
        raise OSError("no luck")
    return {"nan": float("nan"), "large": "x" * 1_000_000}.get(given.get("bad"), given.get("text"))

HANDLERS = dict.fromkeys(%(capabilities)r, handle)
"""


class Process:
    """A worker; its output is in `log`."""

    def __init__(self, url: str, key: str, id: str, folder: Path, capabilities: list[str]) -> None:
        self.id, self.log, self.record = id, folder / f"{id}.log", folder / "record.jsonl"
        handlers = folder / f"{id}_handlers.py"
        named = {"record": str(self.record), "capabilities": capabilities}
        handlers.write_text(HANDLERS % named, encoding="utf-8")
        command = [sys.executable, WORKER, "--url", url, "--id", id, "--handlers", handlers]
        command += ["--wait", 5, "--lease", 30]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*map(str, command), "--key", key], stdout=log, stderr=subprocess.STDOUT
            )

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def stop(self, number: int = signal.SIGTERM, within: float = 60) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)


def handled(folder: Path) -> list[dict[str, Any]]:
    """The calls of handlers, the first one first."""
    record = folder / "record.jsonl"
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    return sorted((json.loads(line) for line in lines), key=lambda each: each["at"])


def eventually(look: Callable[[], Any], within: float = 60) -> Any:
    """What `look` gives when it gives something."""
    until = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < until, look
        time.sleep(0.1)
    return found


@contextmanager
def started(
    url: str, key: str, folder: Path, capabilities: dict[str, list[str]]
) -> Iterator[dict[str, Process]]:
    """Workers by their ids, which have registered."""
    workers = {id: Process(url, key, id, folder, own) for id, own in capabilities.items()}
    try:
        for each in workers.values():
            eventually(lambda each=each: "registered as" in each.said())
        yield workers
    finally:
        for each in workers.values():
            each.process.kill()
            each.process.wait(10)


@contextmanager
def losing_answers(url: str, every: int) -> Iterator[str]:
    """The address of a way to `url` on which each so manyth request is done and not answered, and
    the one after it is answered with 503 and not done."""
    with httpx.Client(base_url=url, timeout=60) as client:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Way)
        server.daemon_threads = True
        server.client, server.every = client, every  # type: ignore[attr-defined]
        server.count, server.lock = 0, Lock()  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


class _Way(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        with server.lock:
            server.count += 1
            turn = server.count % server.every
        if turn == 1 and server.count > 1:
            return self._answer(503, b"{}")
        headers = {name: self.headers[name] for name in ("authorization", "content-type")}
        answer = server.client.post(self.path, content=body, headers=headers)
        if turn == 0:
            self.close_connection = True
            return None
        return self._answer(answer.status_code, answer.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
