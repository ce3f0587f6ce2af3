"""Two `router dev` never share a folder of state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from router.dev.claim import claimed
from router.dev.errors import SetupError

HOLD = """
import sys
from pathlib import Path
from router.dev.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_process_holds_is_refused_until_it_ends(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SetupError, match=r"in use by another `router dev`: .*--persist-to"):
            claimed(state).__enter__()
        with claimed(tmp_path / "other"):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        with claimed(state):
            assert state.is_dir()
    with claimed(state):
        assert list(state.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            SetupError, match=r"cannot use .*file/state: Not a directory: `--persist-to`"
        ),
        claimed(tmp_path / "file" / "state"),
    ):
        pass
