"""The metadata of a policy in KV: digest, time, author, note, and the replaced digest."""

from __future__ import annotations

import getpass
import json
from datetime import datetime

from router.terminal.errors import UsageError

MAX_BYTES = 1024  # Workers KV's limit
MAX_AUTHOR = 50  # characters, so that the name leaves room for a note


def metadata(digest: str, parent: str, note: str, at: datetime) -> dict[str, str]:
    """`parent`: the digest that was live before, "" if there was none."""
    about = {
        "digest": digest,
        "parent": parent,
        "time": at.isoformat(timespec="milliseconds"),
        "author": author(),
        "note": note,
    }
    size = len(json.dumps(about).encode())
    if size > MAX_BYTES:
        raise UsageError(f"the note is too long by {size - MAX_BYTES} bytes")
    return about


def author() -> str:
    try:
        return getpass.getuser()[:MAX_AUTHOR]
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
