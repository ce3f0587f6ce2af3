"""Writes generated files atomically, and only if they have changed.

wrangler watches what it serves, so a file touched without a change would restart the
Worker; and another process may read at any moment, so it must never see half a file.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_if_changed(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Write the file if it differs. Returns whether it was written."""
    if path.is_file() and path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    # Created with its final mode: a secret must not be readable even for a moment.
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    aside.chmod(mode)
    aside.replace(path)
    return True


def mirror(files: dict[str, bytes], target: Path) -> None:
    """Make `target` contain exactly `files` (relative path to content)."""
    for name, content in files.items():
        write_if_changed(target / name, content)
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target).as_posix() not in files:
            path.unlink()
