"""Writes a policy to KV. If a write is interrupted, the live policy is unchanged or complete.

The order: an entry in the history, the compiled form, the last good policy (for isolates that
start while KV holds an invalid one), and finally the policy itself, byte for byte. A live policy
that is not in the history, because it was not pushed, is added to it first; so is the one that was
deployed with the router, if KV holds none.

KV has no compare-and-swap. So the policy is read again right before it is written, and the
history after it: concurrent pushes have their entries there before they write. All of them wait
until each has written; the last one is live, and the others report that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.compiled.tables import form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import Loaded, digest_of, load
from router.dev.kv import Kv
from router.edge.isolate.keys import COMPILED_PREFIX, LAST_GOOD_KEY, POLICY_KEY
from router.publishing.history import SHORT, Entry, new_key
from router.publishing.metadata import metadata
from router.publishing.published import DEPLOYED, Published, read
from router.publishing.reporter import SILENT, Reporter
from router.terminal.errors import Failed

# How long another push may take from its entry in the history to its policy.
IN_FLIGHT = timedelta(seconds=60)
A_MOMENT = timedelta(milliseconds=1)
ELSEWHERE = "was live, written without `router push`"
ONE_WAY = "take it over with `router pull`, or push over it with --force"


class NotPublished(Failed):
    """The policy is not live. `result` is the outcome in JSON."""

    def __init__(self, result: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.document = {"result": result, "message": message, **more}


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A valid policy to push, with a note."""

    data: bytes
    loaded: Loaded
    note: str

    @property
    def digest(self) -> str:
        return self.loaded.digest

    def compiled(self) -> bytes:
        if self.loaded.policy is None:
            raise Failed("only a valid policy can be written")
        return form_text(compile_policy(self.loaded.policy, self.digest))


def write(kv: Kv, change: PolicyChange, over: Published, reporter: Reporter = SILENT) -> Entry:
    """Replace the live policy `over`. Returns the entry in the history."""
    now = _moment(over)
    about = metadata(change.digest, over.replaced, change.note, now)
    entry = Entry(new_key(now, change.digest), now, change.digest, about)
    compiled = change.compiled()
    if over.serving is not None and over.live is None and over.replaced != change.digest:
        _keep(kv, over, now - A_MOMENT, reporter)
    _put(kv, entry.key, change.data, about, reporter)
    _put(kv, COMPILED_PREFIX + change.digest, compiled, None, reporter)
    _put(kv, LAST_GOOD_KEY, change.data, about, reporter)
    _refuse_overtaken(kv, over, change)
    _put(kv, POLICY_KEY, change.data, about, reporter)
    return entry


def read_back(kv: Kv, entry: Entry, over: Published, settle_s: float) -> list[Entry]:
    """Check that it is live. Returns the concurrent pushes that lost."""
    seen = read(kv)
    if seen.digest != entry.digest or _rivals(seen, entry, over):
        time.sleep(settle_s)
        seen = read(kv)
    if seen.digest != entry.digest:
        raise _lost(kv, seen, entry)
    rivals = _rivals(seen, entry, over)
    if rivals:  # one of them may have replaced ours
        _mend_last_good(kv, seen.data)
    return rivals


def _moment(over: Published) -> datetime:
    """Return the current time, but later than all earlier pushes, however wrong the clocks are,
    with room for one entry in between."""
    newest = over.history[0].at if over.history else datetime.min.replace(tzinfo=UTC)
    return max(datetime.now(UTC), newest + 2 * A_MOMENT)


def _put(kv: Kv, key: str, value: bytes, about: dict[str, str] | None, reporter: Reporter) -> None:
    reporter.tell((f"writing {key}", "dim"))
    kv.put(key, value, about)


def _keep(kv: Kv, over: Published, at: datetime, reporter: Reporter) -> None:
    """Add a policy to the history that serves, and whose author and parent are unknown."""
    about = {"digest": over.replaced, "time": at.isoformat(timespec="milliseconds")}
    note = {"note": ELSEWHERE if over.deployed is None else DEPLOYED}
    _put(kv, new_key(at, over.replaced), over.serving or b"", about | note, reporter)


def _refuse_overtaken(kv: Kv, over: Published, change: PolicyChange) -> None:
    """Another push of the same bytes overtakes nothing: `router dev` pushes each change of its
    file, and `router push` may be faster or slower than it."""
    data = kv.get(POLICY_KEY)
    if data in (over.data, change.data):
        return
    _mend_last_good(kv, data)
    seen = read(kv)
    why = f"refused: {seen.to_text()} became live meanwhile"
    message = f"{why}; yours is in the history, but not live: {ONE_WAY}"
    raise NotPublished("refused", message, live=seen.digest)


def _mend_last_good(kv: Kv, live: bytes | None) -> None:
    if live is not None and load(live, allow_private=True).policy is not None:
        kv.put(LAST_GOOD_KEY, live, {"digest": digest_of(live)})


def _rivals(seen: Published, mine: Entry, over: Published) -> list[Entry]:
    """Return other pushes over the same policy that may still be in progress: recent ones that
    have not been replaced."""
    done = {entry.key for entry in over.history if mine.at - entry.at > IN_FLIGHT}
    for entry in seen.history:
        later = (other for other in seen.history if other.at > entry.at)
        if any(other.parent == entry.digest for other in later):
            done.add(entry.key)
    return [
        entry
        for entry in seen.history
        if entry.parent in (over.digest, over.replaced)
        and entry.digest != mine.digest
        and entry.key not in done
    ]


def _lost(kv: Kv, seen: Published, mine: Entry) -> NotPublished:
    if seen.live is None:
        told = f"{kv.place}: KV does not hold the policy that was written; push again"
        return NotPublished("failed", told, live=seen.digest)
    ours = f"yours ({mine.digest[:SHORT]}) is in the history"
    if seen.live.parent == mine.digest:
        told = f"replaced: {seen.to_text()} was pushed after it and is live; {ours}"
    else:
        told = f"lost: {seen.to_text()} was pushed at the same time and is live; {ours}: {ONE_WAY}"
    return NotPublished("replaced", told, live=seen.digest, history=mine.key)
