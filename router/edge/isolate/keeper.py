"""Keeping the policy that KV holds, for isolates that start later.

Nothing here is waited for by a request, and nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from policies.compiled.tables import PolicyTables, form_steps
from router.edge.isolate.keys import COMPILED_PREFIX, LAST_GOOD_KEY
from router.edge.isolate.slices import slowly

Log = Callable[[str, dict[str, Any]], None]


class Kv(Protocol):
    """The little of Workers KV that the store needs."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes) -> None: ...
    async def delete(self, key: str) -> None: ...


class Keeper:
    """Writes policies that KV holds to `policy/last-good`, where `router push` did not.

    KV may still read to an isolate what has been replaced, and that must not be kept over
    what replaced it. So a policy is kept at once only if nothing is kept yet, or if the
    isolate saw it come; and any other when KV has held it for `lag_ms`. Everybody looks
    again after `lag_ms`, when nobody reads the one before any more, and mends what is old. Then
    the compiled forms that this isolate wrote for others go: nothing in KV refers to them, and
    should one of these policies come back, it is compiled again.
    """

    def __init__(self, clock: Callable[[], float], log: Log) -> None:
        self._data: bytes | None = None
        self._tables: PolicyTables | None = None  # its compiled form, if it is in no KV yet
        self._digest = ""
        self._written: set[str] = set()  # the digests of compiled forms that were written here
        self._is_new = False
        self._since_ms = self._due_ms = 0.0
        self._digests: set[str] = set()  # one that comes back may be an old reading
        self._clock = clock
        self._log = log

    def accept(self, data: bytes, digest: str, tables: PolicyTables | None, is_first: bool) -> None:
        """KV holds `data`, a good policy; `is_first`: it may have done so for long; `tables`:
        its compiled form, if it had to be compiled here."""
        self._is_new = not is_first and digest not in self._digests
        self._digests.add(digest)
        self._data, self._digest, self._tables = data, digest, tables
        self._since_ms = self._due_ms = self._clock()

    def forget(self) -> None:
        """KV holds something else."""
        self._data = self._tables = None

    async def keep(self, kv: Kv, lag_ms: float) -> None:
        data, now = self._data, self._clock()
        if data is None or now < self._due_ms:
            return
        self._due_ms = now + lag_ms
        has_stood = now - self._since_ms >= lag_ms
        try:
            await self._keep_compiled(kv)
            kept = await kv.get(LAST_GOOD_KEY)
            if self._data is not data:
                return
            if kept is None or (kept != data and (self._is_new or has_stood)):
                await kv.put(LAST_GOOD_KEY, data)
            if has_stood and self._data is data:
                self._data = None
                await self._delete_left(kv, self._digest)
        except Exception as error:  # KV takes one write a second; another isolate's serves too
            self._log("last-good-not-kept", {"error": str(error)[:200]})

    async def _keep_compiled(self, kv: Kv) -> None:
        """Spare others the reading of YAML, above all those that start meanwhile."""
        tables, digest, self._tables = self._tables, self._digest, None
        if tables is not None:
            await kv.put(COMPILED_PREFIX + digest, await slowly(form_steps(tables)))
            self._written.add(digest)

    async def _delete_left(self, kv: Kv, digest: str) -> None:
        """`digest` is what KV holds, and what is kept."""
        for other in self._written - {digest}:
            self._written.discard(other)
            await kv.delete(COMPILED_PREFIX + other)
