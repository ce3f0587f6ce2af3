"""One `wrangler dev`: started, awaited, stopped.

It listens on loopback only. It is a process group of its own, ended by that group's
number; and since a watcher in the group waits for this process to end, in whatever way,
nothing outlives it. What wrangler says goes to a log file; what a person needs to know
is raised as one line.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from router.dev.layout import Layout, SetupError
from router.dev.wrangler import command, environment

HOST = "127.0.0.1"
READY = re.compile(r"Ready on http://[^:\s]+:(\d+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FAILED = "[ERROR]"
EXCEPTION = re.compile(r"[A-Za-z_.]*(Error|Exception): (?!Traceback)")
POLL = 0.05
GRACE = 3.0

# `cat` ends when the pipe's other end, held by our process alone, is closed: by `stop`,
# by exit, by a signal that cannot be caught. Then the whole group goes.
WATCHED = 'exec 3<&0; { cat <&3 >/dev/null; kill -KILL 0; } & exec "$@" 3<&- </dev/null'


class DevServer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.port = 0
        self.log = layout.build / "dev.log"
        self._process: subprocess.Popen[bytes] | None = None

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
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", WATCHED, "sh", *command(self.layout, args)],
                cwd=self.layout.root,
                env=environment(self.layout, configs[0].parent / "wrangler", env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, path: str = "/.router/health", timeout: float = 90) -> None:
        """Return when `path` answers 200; raise when it can no longer be expected to."""
        deadline = time.monotonic() + timeout
        listening = False
        while time.monotonic() < deadline:
            self.check_alive()
            said = self.output()
            # An error later than this is a request's, and no reason to give up.
            if FAILED in said:
                raise self.failure("wrangler dev failed")
            listening = listening or bool(READY.search(said))
            if listening and answers(self.url + path):
                return
            time.sleep(POLL)
        raise self.failure(f"no answer from {self.url}{path} within {timeout:.0f} s")

    def check_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise self.failure("wrangler dev ended")

    def output(self) -> str:
        return ANSI.sub("", self.log.read_text(encoding="utf-8", errors="replace"))

    def failure(self, what: str) -> SetupError:
        return SetupError(f"{what}: {last_error(self.output())} (log: {self.log})")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            signal_group(process.pid, signal.SIGTERM)
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            signal_group(process.pid, signal.SIGKILL)
            process.stdin.close()
            process.wait()

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
        with urllib.request.urlopen(url, timeout=30) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def last_error(output: str) -> str:
    """The line of wrangler's noise that says what went wrong."""
    lines = [line.strip(" \t✘▲│") for line in output.splitlines() if line.strip(" \t✘▲│")]
    for start in range(len(lines) - 1, -1, -1):
        if FAILED in lines[start]:
            # A Python traceback follows; its last line is the one that tells.
            told = [line for line in lines[start + 1 :] if EXCEPTION.match(line)]
            return (told or [lines[start].split(FAILED, 1)[1].strip()])[-1]
    return lines[-1] if lines else "it said nothing"


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
