"""One `wrangler dev`: started, awaited, stopped.

It listens on loopback only, and nothing of it outlives us (`process.py`). What wrangler
says goes to a log file; what a person needs to know is raised as one line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from router.dev.layout import Layout, SetupError
from router.dev.loopback import HOST, answers, free_port, refuse_taken
from router.dev.process import ServerProcess
from router.dev.runtime import ensure_workerd
from router.dev.wrangler import command, environment, last_error, told_error

LISTENING = re.compile(r"Ready on http://")
POLL = 0.05


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
        runtime = {"MINIFLARE_WORKERD_PATH": str(ensure_workerd(self.layout.kit))}
        self._process = ServerProcess(
            command(self.layout, args),
            cwd=self.layout.root,
            env=environment(
                self.layout, configs[0].parent / "wrangler", {**runtime, **(env or {})}
            ),
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
