"""The folder of local state belongs to one `router dev` at a time.

Two runtimes would lock each other out of the databases in it: rollouts, drills and probes would
stop in both. The system lets go of the claim of a process that ends, in whatever way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.dev.errors import SetupError


@contextmanager
def claimed(state: Path) -> Iterator[None]:
    """Hold the folder, which is made if it is not there."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SetupError(
            f"cannot use {state}: {error.strerror}: `--persist-to` names another folder"
        ) from None
    try:
        _lock(folder, state)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, state: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SetupError(
            f"{state} is in use by another `router dev`: stop that one, or write "
            f"`--persist-to {state}-2` for a folder of your own"
        ) from None
    except OSError:
        return  # a file system without locks: it works as before
