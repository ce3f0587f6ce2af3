"""The content of KV: the live policy, and the history of pushes.

The keys are read first, then the policy, so the policy is never older than the history.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.language.load import digest_of
from router.dev.kv import Kv
from router.edge.isolate.keys import COMPILED_PREFIX, POLICY_KEY
from router.publishing.history import SHORT, Entry, entries
from router.terminal.errors import Failed

DEPLOYED = "deployed with the router"


@dataclass(frozen=True, slots=True)
class Published:
    """`data` is the live policy, None if there is none; then `digest` is "", and `deployed` is the
    policy that serves in its place, if it is known."""

    data: bytes | None
    digest: str
    history: tuple[Entry, ...]  # newest first
    compiled: frozenset[str]  # the digests that have a compiled form
    time: str  # of the live push, from its metadata; "" if unknown
    deployed: bytes | None = None

    @property
    def serving(self) -> bytes | None:
        """What a push replaces."""
        return self.deployed if self.data is None else self.data

    @property
    def replaced(self) -> str:
        """The digest of what a push replaces; "" if nothing serves, or if it is unknown."""
        return digest_of(self.deployed) if self.data is None and self.deployed else self.digest

    @property
    def live(self) -> Entry | None:
        """The live push; None if nothing is live, or if it was not written by a push."""
        same = [entry for entry in self.history if entry.digest == self.digest]
        exact = [entry for entry in same if self.time and entry.about.get("time") == self.time]
        return next(iter(exact or same), None)

    def to_text(self) -> str:
        """Return a description of the live policy."""
        if self.data is None:
            return f"{self.replaced[:SHORT]}, {DEPLOYED}" if self.deployed else "nothing"
        if self.live is None:
            return f"{self.digest[:SHORT]}, written without `router push`"
        return self.live.to_text()

    def before(self) -> Entry:
        """Return the push to roll back to: the one that the live one replaced, else the newest
        other one."""
        live = self.live
        others = [entry for entry in self.history if entry.digest != self.digest]
        if live is not None:
            others = [entry for entry in others if entry.at <= live.at]
        replaced = [entry for entry in others if live and entry.digest == live.parent]
        if not others:
            raise Failed("there is nothing to go back to: the history has no earlier policy")
        return (replaced or others)[0]


def read(kv: Kv) -> Published:
    keys = kv.list(POLICY_KEY)  # all other keys have it as a prefix
    data = kv.get(POLICY_KEY)
    about = next((key.metadata for key in keys if key.name == POLICY_KEY), {})
    digest = "" if data is None else digest_of(data)
    compiled = [key.name.removeprefix(COMPILED_PREFIX) for key in keys]
    time = str(about.get("time") or "") if about.get("digest") == digest else ""
    return Published(data, digest, entries(keys), frozenset(compiled), time)
