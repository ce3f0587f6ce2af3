"""A server process that cannot outlive us.

It is the leader of a process group and ended by that group's number, so its children go
with it. A watcher in the group waits on a pipe that only our process holds: when we end,
in whatever way, the pipe closes and the whole group is killed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

WATCHED = 'exec 3<&0; { cat <&3 >/dev/null; kill -KILL 0; } & exec "$@" 3<&- </dev/null'
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# How long a server may take to end by itself.
GRACE = 3.0


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
        """Ask the group to end, then end it."""
        try:
            self._signal(signal.SIGTERM)
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.group, number)
        except ProcessLookupError:
            return
