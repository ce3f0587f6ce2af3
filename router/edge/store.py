"""Which policy serves: the one in KV, else the last good one, else the bundled one.

An isolate asks KV every 10 s in the background; only its first requests wait for it, each
with reads of its own: in Workers no request may wait for another's. So reads overlap, and
what is read is judged and taken without awaiting in between: once, and never over what
was asked for later. A policy that does not validate is refused whole and reported, and
the last good one stays; `policy/last-good` has it for isolates that start meanwhile. The
compiled form that `router push` writes beside the policy spares the edge the reading of
YAML; it counts only if it was made from these very bytes and in this Worker's format.
"""

from __future__ import annotations

import json
from asyncio import wait_for
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from policies.decisions.policy import CompiledPolicy
from policies.language.compile import FORMAT, compile_policy
from policies.language.findings import Finding
from policies.language.load import digest_of, load
from router.edge.faults import described
from router.edge.keys import COMPILED_PREFIX, LAST_GOOD_KEY, POLICY_KEY

REFRESH_MS = 10_000
RETRY_MS = 1_000  # after KV could not be read
FIRST_LOAD_MS = 2_000  # what a first request waits at most; KV seldom takes a tenth of it
COMPILED_MS = 1_000  # after that the YAML is read, within the first request's time
LAG_MS = 60_000  # how long a location may read from KV what has been replaced
UNREAD = "KV cannot be read"  # how that reason of being degraded begins

Source = Literal["kv", "last-good", "bundled"]
Log = Callable[[str, dict[str, Any]], None]


class Kv(Protocol):
    """The little of Workers KV that the store needs."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """A policy that was refused; `findings` are all its errors (none: the router's own)."""

    digest: str
    at_ms: float
    findings: tuple[Finding, ...]


class PolicyStore:
    """The isolate's policy. `clock` gives milliseconds since 1970, `log` takes an event."""

    def __init__(self, bundled: CompiledPolicy, clock: Callable[[], float], log: Log) -> None:
        self.policy = bundled
        self.source: Source = "bundled"
        self.loaded_ms = 0.0
        self.asked_ms = float("-inf")
        self.rejection: Rejection | None = None
        self.kv_error: str | None = None
        self.ready = False  # KV has been asked; requests need not wait any more
        self._due_ms = float("-inf")
        self._asked = 0  # how often KV has been asked
        self._heard = 0  # which of these times the newest answer is from
        self._held: str | None = None  # the digest of what KV then held; "": nothing
        self._settled = False  # a policy of KV serves, or the last good one had its chance
        self._keeper = Keeper(clock, log)
        self._clock = clock
        self._log = log

    @property
    def degraded(self) -> list[str]:
        """Why the router is not quite well, in words for its operators."""
        reasons = []
        if self.rejection:
            reasons.append(f"the policy in KV ({self.rejection.digest[:12]}) is not valid")
        if self.kv_error:
            reasons.append(f"{UNREAD}: {self.kv_error}")
        return reasons

    def is_due(self, now_ms: float) -> bool:
        """Whether it is time to ask KV again; says so once per interval."""
        if now_ms < self._due_ms:
            return False
        self.asked_ms, self._due_ms = now_ms, now_ms + REFRESH_MS
        return True

    async def refresh(self, kv: Kv, within_ms: float = REFRESH_MS) -> None:
        """Ask KV and take what is new and good. Never raises."""
        self._asked += 1
        turn = self._asked
        try:
            await wait_for(self._ask(kv, turn), within_ms / 1000)
            self.ready, self.kv_error = True, None
        except Exception as error:  # whatever fails here, requests go on as they were
            if turn >= self._heard:
                self.ready, self.kv_error = True, type(error).__name__
                self._due_ms = self._clock() + RETRY_MS
            self._log("policy-unread", {"error": str(error)[:200] or type(error).__name__})

    async def keep(self, kv: Kv) -> None:
        """Keep what KV was just heard to hold as the last good policy. Never raises."""
        if self.kv_error is None:
            await self._keeper.keep(kv)

    async def _ask(self, kv: Kv, turn: int) -> None:
        data = await kv.get(POLICY_KEY)
        compiled = await self._compiled(kv, data)
        if turn >= self._heard:
            self._heard = turn
            self._hear(data, compiled)
        if not self._settled:
            await self._take_last_good(kv)

    async def _compiled(self, kv: Kv, data: bytes | None) -> bytes | None:
        """The compiled form of `data`, if it is needed and can be had."""
        digest = _name(data)
        if data is None or digest in (self._held, self.policy.digest):
            return None
        try:
            return await wait_for(kv.get(COMPILED_PREFIX + digest), COMPILED_MS / 1000)
        except Exception as error:  # there is the YAML
            self._log("compiled-unread", {"error": str(error)[:200] or type(error).__name__})
            return None

    def _hear(self, data: bytes | None, compiled: bytes | None) -> None:
        """Take what KV holds now, or refuse it."""
        digest = _name(data)
        if digest == self._held:
            return
        self._held, self.rejection = digest, None
        self._keeper.forget()
        if data is None:
            return
        policy, findings = self._read(data, digest, compiled)
        if policy is None:
            self._reject(digest, findings)
            return
        self._keeper.accept(data, digest, is_first=not self._settled)
        self._settled = True
        self._serve(policy, "kv")

    async def _take_last_good(self, kv: Kv) -> None:
        data = await kv.get(LAST_GOOD_KEY)
        compiled = await self._compiled(kv, data)
        if self._settled:
            return  # another request was faster
        self._settled = True
        digest = _name(data)
        if data is None or digest == self._held:
            return
        policy, _ = self._read(data, digest, compiled)
        if policy:
            self._serve(policy, "last-good")

    def _read(
        self, data: bytes, digest: str, compiled: bytes | None
    ) -> tuple[CompiledPolicy | None, tuple[Finding, ...]]:
        if digest == self.policy.digest:
            return self.policy, ()
        policy = policy_from_json(compiled, digest) if compiled else None
        if policy:
            return policy, ()
        try:
            loaded = load(data, lint=False)
            if loaded.policy is None:
                return None, loaded.findings
            return CompiledPolicy(compile_policy(loaded.policy, digest)), ()
        except Exception as error:  # refused like a bad policy, so it is not tried again
            self._log("internal-error", {"digest": digest, **described(error)})
            return None, ()

    def _serve(self, policy: CompiledPolicy, source: Source) -> None:
        self.policy, self.source, self.loaded_ms = policy, source, self._clock()
        self._log("policy-loaded", {"digest": policy.digest, "source": source})

    def _reject(self, digest: str, findings: tuple[Finding, ...]) -> None:
        self.rejection = Rejection(digest, self._clock(), findings)
        told = ""
        for first in findings[:1]:
            told = f"{first.line}:{first.column} {first.code}"
        self._log("policy-rejected", {"digest": digest, "findings": len(findings), "first": told})


class Keeper:
    """Writes policies that KV holds to `policy/last-good`, where `router push` did not.

    KV may still read to an isolate what has been replaced, and that must not be kept over
    what replaced it. So a policy is kept at once only if nothing is kept yet, or if the
    isolate saw it come; and any other when KV has held it for LAG_MS. Everybody looks
    again after LAG_MS, when nobody reads the one before any more, and mends what is old.
    """

    def __init__(self, clock: Callable[[], float], log: Log) -> None:
        self._data: bytes | None = None
        self._is_new = False
        self._since_ms = self._due_ms = 0.0
        self._digests: set[str] = set()  # one that comes back may be an old reading
        self._clock = clock
        self._log = log

    def accept(self, data: bytes, digest: str, is_first: bool) -> None:
        """KV holds `data`, a good policy; `is_first`: it may have done so for long."""
        self._is_new = not is_first and digest not in self._digests
        self._digests.add(digest)
        self._data = data
        self._since_ms = self._due_ms = self._clock()

    def forget(self) -> None:
        """KV holds something else."""
        self._data = None

    async def keep(self, kv: Kv) -> None:
        data, now = self._data, self._clock()
        if data is None or now < self._due_ms:
            return
        self._due_ms = now + LAG_MS
        has_stood = now - self._since_ms >= LAG_MS
        try:
            kept = await kv.get(LAST_GOOD_KEY)
            if self._data is not data:
                return
            if kept is None or (kept != data and (self._is_new or has_stood)):
                await kv.put(LAST_GOOD_KEY, data)
            if has_stood and self._data is data:
                self._data = None
        except Exception as error:  # KV takes one write a second; another isolate's serves too
            self._log("last-good-not-kept", {"error": str(error)[:200]})


def policy_from_json(compiled: bytes, digest: str) -> CompiledPolicy | None:
    """The compiled form, if it is of this format and of the policy named by `digest`."""
    try:
        tables = json.loads(compiled)
        if tables["format"] != FORMAT or tables["digest"] != digest:
            return None
        return CompiledPolicy(tables)
    except Exception:  # whatever it is, it is not a compiled form
        return None


def _name(data: bytes | None) -> str:
    return "" if data is None else digest_of(data)
