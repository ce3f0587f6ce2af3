"""The history of pushes: one key for each push, and nothing is ever overwritten.

A key is `policy/history/<time>-<six hex digits>-<digest>`. The time has milliseconds, and the
digits are random, so that two pushes never share a key. Keys of an earlier form are read as
well: `<time>-<digest>`, with seconds. The author, the note, and the digest that was live before
(the `parent`) are in the metadata.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from router.dev.kv import Key
from router.edge.isolate.keys import HISTORY_PREFIX
from router.terminal.errors import Failed, UsageError

SHORT = 12  # hex digits of a digest in messages
LEAST = 4  # the minimum of hex digits that identify a policy
KEY = re.compile(
    re.escape(HISTORY_PREFIX)
    + r"(?P<time>\d{8}T\d{6})(?P<part>\.\d{3})?Z-(?:[0-9a-f]{6}-)?(?P<digest>[0-9a-f]{64})"
)
PREFIX = re.compile(r"[0-9a-f]{1,64}")


class Entry(NamedTuple):
    """One push. Without metadata, author and note are unknown."""

    key: str
    at: datetime
    digest: str
    about: Mapping[str, Any]

    @property
    def author(self) -> str:
        return str(self.about.get("author") or "somebody")

    @property
    def note(self) -> str:
        return str(self.about.get("note") or "")

    @property
    def parent(self) -> str | None:
        """The digest that it replaced, "" if there was none; None if unknown."""
        parent = self.about.get("parent")
        return parent if isinstance(parent, str) else None

    def to_text(self) -> str:
        """Return a description, in a line."""
        note = f": {self.note}" if self.note else ""
        return f"{self.digest[:SHORT]}, by {self.author}, {clock(self.at)}{note}"

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "time": self.at.isoformat(),
            "digest": self.digest,
            "author": self.about.get("author"),
            "note": self.note,
            "parent": self.parent,
        }


def new_key(at: datetime, digest: str) -> str:
    time = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
    return f"{HISTORY_PREFIX}{time}-{secrets.token_hex(3)}-{digest}"


def entries(keys: Iterable[Key]) -> tuple[Entry, ...]:
    """Return the entries of the history among all keys, newest first."""
    found = [entry for entry in map(entry_of, keys) if entry]
    return tuple(sorted(found, key=lambda entry: (entry.at, entry.key), reverse=True))


def entry_of(key: Key) -> Entry | None:
    parts = KEY.fullmatch(key.name)
    if parts is None:
        return None
    try:
        at = datetime.strptime(parts["time"] + (parts["part"] or ".0"), "%Y%m%dT%H%M%S.%f")
    except ValueError:  # such as a 13th month: not one of our keys
        return None
    return Entry(key.name, at.replace(tzinfo=UTC), parts["digest"], key.metadata)


def find(history: Iterable[Entry], prefix: str) -> Entry:
    """Return the newest entry of the only digest with that prefix. Raises UsageError if it is
    malformed or ambiguous, Failed if there is none."""
    prefix = prefix.lower()
    if not PREFIX.fullmatch(prefix) or len(prefix) < LEAST:
        raise UsageError(
            f"`{prefix[:80]}` is not a digest: write at least {LEAST} of its hex digits"
        )
    found = [entry for entry in history if entry.digest.startswith(prefix)]
    digests = sorted({entry.digest[:SHORT] for entry in found})
    if len(digests) > 1:
        raise UsageError(f"`{prefix}` may be any of {', '.join(digests)}: write more digits")
    if not found:
        raise Failed(f"no policy in the history starts with {prefix}: see `router history`")
    return found[0]


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
