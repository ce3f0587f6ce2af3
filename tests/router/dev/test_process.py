"""Nothing outlives us: neither what was started, nor its children."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from router.dev.process import WATCHED, ServerProcess

# A server with a child of its own, as wrangler has workerd.
FAMILY = ["sh", "-c", "sleep 60 & echo $!; wait"]


def gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    # Ended, and only waiting to be noticed.
    return stat.rpartition(")")[2].split()[0] == "Z"


def soon(condition) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_stopping_ends_the_whole_family(tmp_path: Path) -> None:
    server = ServerProcess(FAMILY, cwd=tmp_path, env={}, log=tmp_path / "log")
    assert soon(lambda: server.output().endswith("\n"))
    child = int(server.output())
    assert server.alive
    assert not gone(child)
    server.stop()
    assert not server.alive
    assert soon(lambda: gone(child))


def test_an_end_of_its_own_is_noticed(tmp_path: Path) -> None:
    server = ServerProcess(["sh", "-c", "echo why"], cwd=tmp_path, env={}, log=tmp_path / "log")
    assert soon(lambda: not server.alive)
    assert server.output() == "why\n"
    server.stop()


def test_the_family_ends_even_when_we_are_killed() -> None:
    starter = (
        "import subprocess, time\n"
        f"watched = subprocess.Popen(['sh', '-c', {WATCHED!r}, 'sh', *{FAMILY!r}],\n"
        "    stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.send_signal(signal.SIGKILL)
    assert soon(lambda: gone(child))
