"""The versions of a policy's file in git, up to HEAD."""

from __future__ import annotations

import subprocess
from pathlib import Path

from policies.overlays.load import NamedText, laid_text
from router.terminal.errors import UsageError

MAX_COMMITS = 200


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


def was_committed_with(path: Path, overlay: Path, data: bytes) -> bool:
    """Return whether `data` is what some commit's two files make together; without the overlay, in
    commits before it, the file alone. Looks at the newest MAX_COMMITS that change one of them."""
    path, overlay = path.resolve(), overlay.resolve()
    names = path.name, overlay.name
    try:
        told = _git(path, "rev-list", f"--max-count={MAX_COMMITS}", "HEAD", "--", *names)
    except (OSError, subprocess.CalledProcessError):
        raise UsageError(f"--base git: {path.name} is not in a git repository") from None
    return any(_text_of(path, overlay, commit) == data for commit in told.split())


def _text_of(path: Path, overlay: Path, commit: str) -> bytes | None:
    """What would have been published of a commit; None if it has no such policy."""
    base, above = (_file_in(path, each.name, commit) for each in (path, overlay))
    if base is None or above is None:
        return base
    return laid_text(NamedText(path.name, base), NamedText(overlay.name, above))


def _file_in(path: Path, name: str, commit: str) -> bytes | None:
    try:
        return _git(path, "show", f"{commit}:./{name}").encode()
    except (UnicodeDecodeError, subprocess.CalledProcessError):
        return None


def _git(path: Path, *args: str, data: bytes = b"") -> str:
    command = ["git", "-C", str(path.parent), *args]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
