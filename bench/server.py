"""One workerd for one row: start it, send requests, read its processor time, stop it.

A server without requests is idle: no row of a table takes processor time from another one.
Processor time and memory are the process's own, from Linux's /proc.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from email.message import Message
from pathlib import Path
from types import TracebackType

from router.dev.layout import Layout, SetupError
from router.dev.loopback import HOST, free_port
from router.dev.process import ANSI, ServerProcess
from router.dev.runtime import serve
from router.dev.workerd import WorkerdWorker

READY_WITHIN = 60.0
ANSWER_WITHIN = 60.0
POLL = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


class Answer:
    """A response, of any status."""

    def __init__(self, status: int, headers: Message, body: str) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


class Serving(ABC):
    """A running workerd of any checkout; as a context manager it stops at the end."""

    def __init__(self, url: str, group: int, log: Path) -> None:
        # The starting shell has become workerd, so the group's number is its own.
        self.url, self.group, self.log = url, group, log

    @abstractmethod
    def stop(self) -> None:
        """Stop it and all that it started."""

    @property
    def alive(self) -> bool:
        try:
            return self._proc("stat").rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def wait_ready(self, path: str = "/") -> None:
        """Wait until it answers: the first response of a Python Worker takes seconds."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self.alive:
            try:
                self.ask(path)
            except OSError:
                time.sleep(POLL)
            else:
                return
        log = ANSI.sub("", self.log.read_text(encoding="utf-8", errors="replace"))
        last_line = (log.strip().splitlines() or ["its log is empty"])[-1]
        raise SetupError(f"workerd does not serve: {last_line} (log: {self.log})")

    def ask(self, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        """Send a GET, or with a body a POST."""
        data = body.encode() or None
        request = urllib.request.Request(self.url + path, data, dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time of the process, of all its threads together."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def resident_bytes(self) -> int:
        return int(self._proc("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.group}/{name}").read_text(encoding="ascii")

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Server(Serving):
    """A workerd of this checkout."""

    def __init__(self, layout: Layout, workers: Sequence[WorkerdWorker], folder: Path) -> None:
        port = free_port()
        self._process: ServerProcess = serve(layout, workers, port, folder)
        super().__init__(f"http://{HOST}:{port}", self._process.group, self._process.log)

    def stop(self) -> None:
        self._process.stop()
