"""What KV holds at one moment: the policy that is live, and all that were pushed.

Read with two questions, the keys first: what is live is never older than what is said of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.language.load import digest_of
from router.dev.kv import Kv
from router.edge.isolate.keys import COMPILED_PREFIX, POLICY_KEY
from router.publishing.history import SHORT, Entry, entries
from router.terminal.errors import Failed


@dataclass(frozen=True, slots=True)
class Published:
    """`data` is the live policy, None if there is none; its `digest` is then empty."""

    data: bytes | None
    digest: str
    history: tuple[Entry, ...]  # newest first
    compiled: frozenset[str]  # the digests that have a compiled form
    time: str  # of the push that is live, by its metadata; empty if that is not known

    @property
    def live(self) -> Entry | None:
        """The push that is live; None if nothing is, or somebody wrote it another way."""
        same = [entry for entry in self.history if entry.digest == self.digest]
        exact = [entry for entry in same if self.time and entry.about.get("time") == self.time]
        return next(iter(exact or same), None)

    def told(self) -> str:
        """What is live, in words."""
        if self.data is None:
            return "nothing"
        if self.live is None:
            return f"{self.digest[:SHORT]}, written without `router push`"
        return self.live.told()

    def before(self) -> Entry:
        """The push to go back to: what the live one replaced, else the newest that differs."""
        live = self.live
        others = [entry for entry in self.history if entry.digest != self.digest]
        if live is not None:
            others = [entry for entry in others if entry.at <= live.at]
        replaced = [entry for entry in others if live and entry.digest == live.parent]
        if not others:
            raise Failed("there is nothing to go back to: the history has no policy before this")
        return (replaced or others)[0]


def read(kv: Kv) -> Published:
    keys = kv.list(POLICY_KEY)  # it is also how all other keys begin
    data = kv.get(POLICY_KEY)
    about = next((key.metadata for key in keys if key.name == POLICY_KEY), {})
    digest = "" if data is None else digest_of(data)
    compiled = [key.name.removeprefix(COMPILED_PREFIX) for key in keys]
    time = str(about.get("time") or "") if about.get("digest") == digest else ""
    return Published(data, digest, entries(keys), frozenset(compiled), time)
