"""The versions of a policy's file in git, up to HEAD."""

from __future__ import annotations

import subprocess
from pathlib import Path

from router.terminal.errors import UsageError


def is_committed(path: Path) -> bool:
    """Return whether HEAD has the file as it is."""
    path = path.resolve()
    try:
        here = _git(path, "hash-object", path.name)
        return here == _git(path, "rev-parse", f"HEAD:./{path.name}")
    except (OSError, subprocess.CalledProcessError):  # no git, no repository, never committed
        return False


def was_committed(path: Path, data: bytes) -> bool:
    """Return whether `data` is a version of the file. Raises `UsageError` if git has none."""
    path = path.resolve()
    try:
        objects = _git(path, "rev-list", "--objects", "HEAD", "--", path.name).split()
        wanted = _git(path, "hash-object", "--stdin", data=data).strip()
    except (OSError, subprocess.CalledProcessError):
        raise UsageError(f"--base git: {path.name} is not in a git repository") from None
    return wanted in objects


def _git(path: Path, *args: str, data: bytes = b"") -> str:
    command = ["git", "-C", str(path.parent), *args]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
