"""`router dev` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROUTER = str(Path(sys.executable).with_name("router"))


def start(*args: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [ROUTER, "dev", *args],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if end in line:
            return lines
    raise AssertionError("".join(lines))
