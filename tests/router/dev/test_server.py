"""The dev server's edges: a port that is taken, what wrangler's noise comes down to, and
that nothing outlives it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest

from router.dev.layout import SetupError
from router.dev.server import HOST, WATCHED, free_port, last_error, refuse_taken

NOISE = {
    "wrangler's error": (
        "Starting\n✘ [ERROR] The entry-point file was not found.\n\nIf you think this is a bug\n",
        "The entry-point file was not found.",
    ),
    "a traceback": (
        "✘ [ERROR] service core:user:x: Uncaught Error: PythonError: Traceback (most recent):\n\n"
        '    File "/session/entry.py", line 1, in <module>\n'
        "  ModuleNotFoundError: No module named 'nothing'\n    at null.<anonymous> (x:1:2)\n",
        "ModuleNotFoundError: No module named 'nothing'",
    ),
    "no error": ("Starting\nAddress already in use\n\n", "Address already in use"),
    "nothing": ("", "it said nothing"),
}


@pytest.mark.parametrize(("output", "line"), NOISE.values(), ids=NOISE.keys())
def test_the_line_that_says_what_went_wrong(output: str, line: str) -> None:
    assert last_error(output) == line


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port} is taken"):
            refuse_taken(port)


def test_a_free_port_is_not_taken() -> None:
    refuse_taken(free_port())


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_is_watched_ends_with_its_parent_even_when_that_is_killed() -> None:
    starter = (
        "import subprocess, sys, time\n"
        f"watched = subprocess.Popen(['sh', '-c', {WATCHED!r}, 'sh', 'sleep', '60'],\n"
        "    stdin=subprocess.PIPE, start_new_session=True)\n"
        "print(watched.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        watched = int(parent.stdout.readline())
        assert not gone(watched)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while not gone(watched) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(watched)
