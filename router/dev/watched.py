"""Files that are looked at now and then: what changes in them is for somebody to take over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

State = tuple[int, int, int]


class WatchedFiles:
    """`changed` is called once for each change that `look` sees."""

    def __init__(self, paths: Sequence[Path], changed: Callable[[], None]) -> None:
        self._seen = {path: _state(path) for path in paths}
        self._changed = changed

    def look(self) -> None:
        now = {path: _state(path) or seen for path, seen in self._seen.items()}
        if now != self._seen:
            self._seen = now
            self._changed()


def _state(path: Path) -> State | None:
    """None without the file: an editor may take it away for a moment."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
