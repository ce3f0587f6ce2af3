"""What git knows of a policy's file: its versions, up to the commit that is checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from router.terminal.errors import UsageError


def is_committed(path: Path) -> bool:
    """Whether the last commit has the file as it is."""
    path = path.resolve()
    try:
        here = _git(path, "hash-object", path.name)
        return here == _git(path, "rev-parse", f"HEAD:./{path.name}")
    except (OSError, subprocess.CalledProcessError):  # no git, no repository, never committed
        return False


def was_committed(path: Path, data: bytes) -> bool:
    """Whether `data` is one of the file's versions. Raises `UsageError` if git knows none."""
    path = path.resolve()
    try:
        objects = _git(path, "rev-list", "--objects", "HEAD", "--", path.name).split()
        wanted = _git(path, "hash-object", "--stdin", data=data).strip()
    except (OSError, subprocess.CalledProcessError):
        raise UsageError(f"--base git: {path.name} is in no git repository") from None
    return wanted in objects


def _git(path: Path, *args: str, data: bytes = b"") -> str:
    told = ["git", "-C", str(path.parent), *args]
    return subprocess.run(told, input=data, capture_output=True, check=True).stdout.decode()
