"""Processes that cannot outlive us: servers, and commands that run to their end.

Each is the leader of a process group and ended by that group's number, so its children go
with it. A watcher in the group waits on a pipe that only our process holds: when we end,
in whatever way, the pipe closes and the whole group is killed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

WATCHED = 'exec 3<&0; { cat <&3; kill -KILL 0; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# How long a server may take to end by itself.
GRACE = 3.0


def run_to_end(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a command and return what it said. If that is interrupted, all of it is ended."""
    with _running(command, cwd, env, subprocess.PIPE) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess([*command], process.returncode, out, err)


def run_telling(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], tell: Callable[[str], None]
) -> int:
    """Run a command and tell each line that it says, at once. Returns its exit code."""
    with _running(command, cwd, env, subprocess.STDOUT) as process:
        for line in process.stdout or ():
            tell(line.decode("utf-8", "replace").rstrip("\n"))
        return process.wait()


@contextmanager
def _running(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], stderr: int
) -> Iterator[subprocess.Popen[bytes]]:
    theirs, ours = os.pipe()
    try:
        with subprocess.Popen(
            ["sh", "-c", WATCHED, "sh", *command],
            cwd=cwd,
            env=env,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process:
            try:
                yield process
            except BaseException:
                _end(process)
                raise
    finally:
        os.close(theirs)
        os.close(ours)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, then end it."""
    try:
        _signal(process, signal.SIGTERM)
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


class ServerProcess:
    """A started command; what it says goes to `log`."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", WATCHED, "sh", *command],
                cwd=cwd,
                env=env,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def group(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def resident_bytes(self) -> int:
        """What all processes of the group hold in memory (Linux)."""
        pages = 0
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and os.getpgid(int(folder.name)) == self.group:
                    pages += int((folder / "statm").read_text().split()[1])
            except OSError:
                continue  # it has ended meanwhile
        return pages * os.sysconf("SC_PAGE_SIZE")

    def output(self) -> str:
        return ANSI.sub("", self.log.read_text(encoding="utf-8", errors="replace"))

    def stop(self) -> None:
        try:
            _end(self._process)
        finally:
            if self._process.stdin:
                self._process.stdin.close()
