"""The git repository that a project is in, which may have more folders than the project's."""

from __future__ import annotations

from pathlib import Path


def repository_of(folder: Path) -> Path | None:
    """None if the folder is in none."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return None
