"""Stores the last good policy in KV, for isolates that start later.

No request waits for it, and nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from policies.compiled.tables import PolicyTables, form_steps
from router.edge.isolate.keys import COMPILED_PREFIX, LAST_GOOD_KEY
from router.edge.isolate.slices import slowly

Log = Callable[[str, dict[str, object]], None]


class EdgeKv(Protocol):
    """The part of Workers KV that the store needs."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes) -> None: ...
    async def delete(self, key: str) -> None: ...


class Keeper:
    """Writes the policy in KV to `policy/last-good`, if `router push` did not.

    KV is eventually consistent: an isolate may read a policy that was already replaced, and must
    not store it over its successor. So a policy is stored at once only if none is stored, or if
    this isolate saw it replace another; otherwise when KV has had it for `lag_ms`. Each isolate
    checks again after `lag_ms`, when no read returns the policy before it, and corrects an old
    value. Then it deletes the compiled forms that it wrote: nothing in KV refers to them, and a
    policy that comes back is compiled again.
    """

    def __init__(self, clock: Callable[[], float], log: Log) -> None:
        self._data: bytes | None = None
        self._tables: PolicyTables | None = None  # its compiled form, if KV has none yet
        self._digest = ""
        self._written: set[str] = set()  # the digests of the compiled forms that this isolate wrote
        self._is_new = False
        self._since_ms = self._due_ms = 0.0
        self._digests: set[str] = set()  # a digest seen before may be a stale read
        self._clock = clock
        self._log = log

    def accept(self, data: bytes, digest: str, tables: PolicyTables | None, is_first: bool) -> None:
        """Note that KV has `data`, a valid policy. `is_first`: it may have been there for long;
        `tables`: its compiled form, if it was compiled here."""
        self._is_new = not is_first and digest not in self._digests
        self._digests.add(digest)
        self._data, self._digest, self._tables = data, digest, tables
        self._since_ms = self._due_ms = self._clock()

    def forget(self) -> None:
        """Note that KV has another policy."""
        self._data = self._tables = None

    async def keep(self, kv: EdgeKv, lag_ms: float) -> None:
        data, now = self._data, self._clock()
        if data is None or now < self._due_ms:
            return
        self._due_ms = now + lag_ms
        has_stood = now - self._since_ms >= lag_ms
        try:
            await self._keep_compiled(kv)
            last_good = await kv.get(LAST_GOOD_KEY)
            if self._data is not data:
                return
            if last_good is None or (last_good != data and (self._is_new or has_stood)):
                await kv.put(LAST_GOOD_KEY, data)
            if has_stood and self._data is data:
                self._data = None
                await self._delete_left(kv, self._digest)
        except (
            Exception
        ) as error:  # KV takes one write a second of a key; another isolate may have written
            self._log("last-good-not-kept", {"error": str(error)[:200]})

    async def _keep_compiled(self, kv: EdgeKv) -> None:
        """Write the compiled form, so that other isolates need not read the YAML."""
        tables, digest, self._tables = self._tables, self._digest, None
        if tables is not None:
            await kv.put(COMPILED_PREFIX + digest, await slowly(form_steps(tables)))
            self._written.add(digest)

    async def _delete_left(self, kv: EdgeKv, digest: str) -> None:
        """Delete the compiled forms written here, but for `digest`, which KV has."""
        for other in self._written - {digest}:
            self._written.discard(other)
            await kv.delete(COMPILED_PREFIX + other)
