"""One `wrangler dev`: started, awaited, stopped.

It listens on loopback only, and nothing of it outlives us (`process.py`). What wrangler
says goes to a log file; what a person needs to know is raised as one line.
"""

from __future__ import annotations

import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from router.dev.layout import Layout, SetupError
from router.dev.process import ServerProcess
from router.dev.wrangler import command, environment, last_error, told_error

HOST = "127.0.0.1"
LISTENING = re.compile(r"Ready on http://")
POLL = 0.05
# A request that never comes back must not hold up the wait for a ready server.
ANSWER_WITHIN = 10.0


class DevServer:
    """Usable as a context manager, which stops it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.port = 0
        self.log = layout.build / "dev.log"
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(
        self,
        configs: Sequence[Path],
        *,
        port: int,
        persist_to: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start serving `configs`, the first of them at `port` (0: one that is free)."""
        self.port, self.log = port or free_port(), log
        refuse_taken(self.port)
        args = ["dev", *(part for config in configs for part in ("--config", str(config)))]
        args += ["--ip", HOST, "--port", str(self.port), "--inspector-port", "0"]
        args += ["--persist-to", str(persist_to), "--show-interactive-dev-session=false"]
        self._process = ServerProcess(
            command(self.layout, args),
            cwd=self.layout.root,
            env=environment(self.layout, configs[0].parent / "wrangler", env),
            log=log,
        )

    def wait_ready(self, path: str = "/.router/health", timeout: float = 90) -> None:
        """Return when `path` answers 200; raise when it can no longer be expected to."""
        deadline = time.monotonic() + timeout
        listening = False
        while time.monotonic() < deadline:
            self.check_alive()
            output = self.output()
            # An error later than this is a request's, and no reason to give up.
            if told_error(output):
                raise self.failure("wrangler dev failed")
            listening = listening or bool(LISTENING.search(output))
            if listening and answers(self.url + path):
                return
            time.sleep(POLL)
        raise self.failure(f"no answer from {self.url}{path} within {timeout:.0f} s")

    def check_alive(self) -> None:
        if self._process is None or not self._process.alive:
            raise self.failure("wrangler dev ended")

    def resident_bytes(self) -> int:
        return self._process.resident_bytes() if self._process else 0

    def output(self) -> str:
        return self._process.output() if self._process else ""

    def failure(self, what: str) -> SetupError:
        return SetupError(f"{what}: {last_error(self.output())} (log: {self.log})")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            process.stop()

    def __enter__(self) -> DevServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        # A port that was closed a moment ago is not taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SetupError(
                f"port {port} is taken: stop what listens there, or choose another with --port"
            ) from error


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
