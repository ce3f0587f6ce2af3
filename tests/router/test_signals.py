"""Ctrl-C and SIGTERM at any moment: an exit code, no trace, and no child that stays."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from router.dev.process import run_telling, run_to_end
from tests.router.drill.standin import KEY, stand_in
from tests.support.cli import ROOT

ROUTER = str(Path(sys.executable).with_name("router"))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
WITHIN_S = 60.0
# A line on standard error when a module is about to be imported, and a wait until it is killed.
MEETING = """\
import sys, time

class Meeting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            print("here", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Meeting())
"""


@contextmanager
def started(
    command: Sequence[str], **env: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[signal.Signals], tuple[int, str]]]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def end(number: signal.Signals) -> tuple[int, str]:
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN_S)
        return process.returncode, out + err

    with process:
        try:
            yield process, end
        finally:
            process.kill()


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(
    "module", ["argparse", "router.cli.main", "router.cli.validate", "pydantic", "yaml"]
)
def test_during_an_import(tmp_path: Path, module: str, number: signal.Signals) -> None:
    """Those before `main`, those of the verb, and those of what it uses."""
    (tmp_path / "sitecustomize.py").write_text(MEETING.format(name=module))
    command = [ROUTER, "validate", "routes.yaml"]
    with started(command, PYTHONPATH=str(tmp_path)) as (process, end):
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        assert end(number) == (CODES[number], "")


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(
    "command", [["validate", "-"], ["keys", "hash"], ["explain", "-", "--url", "http://a.test/"]]
)
def test_while_it_reads(command: Sequence[str], number: signal.Signals) -> None:
    with started([ROUTER, *command]) as (process, end):
        given = process.stdin
        assert given is not None
        given.write("#")
        given.flush()
        wait_until(lambda: is_empty(given))  # it reads, until there is an end
        assert end(number) == (CODES[number], "")


@pytest.mark.parametrize("number", CODES)
def test_while_it_watches(number: signal.Signals) -> None:
    with stand_in() as router:
        told = {"ROUTER_ADMIN_KEY": KEY}
        watching = [ROUTER, "status", "--watch", "--json", "--url", router.url]
        with started(watching, **told) as (process, end):
            assert process.stdout is not None
            assert process.stdout.readline().startswith("{")
            code, said = end(number)
    assert code == (0 if number == signal.SIGINT else 143)  # Ctrl-C is how watching ends
    assert "Traceback" not in said


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("how", ["run_to_end", "run_telling"])
def test_the_family_of_a_command_ends(tmp_path: Path, how: str, number: signal.Signals) -> None:
    script = (
        "import sys\nfrom pathlib import Path\n"
        f"from router.dev.process import {how}\n"
        "from router.signals import exit_code, raise_on_signals\n"
        "raise_on_signals()\n"
        "more = {'tell': print} if '" + how + "' == 'run_telling' else {}\n"
        "command = ['sh', '-c', 'sleep 60 & echo $! >child.aside; mv child.aside child; wait']\n"
        f"try: {how}(command, cwd=Path({str(tmp_path)!r}), env={{}}, **more)\n"
        "except KeyboardInterrupt as error: sys.exit(exit_code(error))\n"
    )
    with started([sys.executable, "-c", script]) as (_, end):
        wait_until((tmp_path / "child").exists)
        child = int((tmp_path / "child").read_text())
        assert end(number) == (CODES[number], "")
    wait_until(lambda: is_gone(child))


def test_a_command_that_ends_by_itself(tmp_path: Path) -> None:
    done = run_to_end(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=tmp_path, env={})
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    lines: list[str] = []
    command = ["sh", "-c", "echo out; echo err >&2; exit 4"]
    assert run_telling(command, cwd=tmp_path, env={}, tell=lines.append) == 4
    assert lines == ["out", "err"]


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


def is_empty(pipe: IO[str]) -> bool:
    """Whether all that was written to a pipe has been read."""
    unread = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, unread)
    return unread[0] == 0


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
