"""Which policy serves: the one in KV, else the last good one, else the bundled one.

An isolate asks KV every 10 s in the background; only its first requests wait for it. A
policy that does not validate is refused whole and reported, and the last good one stays.
What an isolate accepts it also keeps under `policy/last-good`, so that one that starts
while KV holds a bad policy serves the good one too. The compiled form that `router push`
writes beside the policy spares the edge the reading of YAML; it counts only if it was
made from these very bytes and in this Worker's format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from policies.decisions.policy import CompiledPolicy
from policies.language.compile import FORMAT, compile_policy
from policies.language.findings import Finding
from policies.language.load import digest_of, load
from router.edge.keys import COMPILED_PREFIX, LAST_GOOD_KEY, POLICY_KEY

REFRESH_MS = 10_000
RETRY_MS = 1_000  # after KV could not be read

Source = Literal["kv", "last-good", "bundled"]


class Kv(Protocol):
    """The little of Workers KV that the store needs."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """A policy that was refused; `findings` are all its errors."""

    digest: str
    at_ms: float
    findings: tuple[Finding, ...]


class PolicyStore:
    """The isolate's policy. `clock` gives milliseconds since 1970, `log` takes an event."""

    def __init__(
        self,
        bundled: CompiledPolicy,
        clock: Callable[[], float],
        log: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.policy = bundled
        self.source: Source = "bundled"
        self.loaded_ms = 0.0
        self.asked_ms = float("-inf")
        self.rejection: Rejection | None = None
        self.kv_error: str | None = None
        self.ready = False  # KV has been asked; requests need not wait any more
        self._settled = False  # KV has answered; the last good policy has had its chance
        self._seen: str | None = None
        self._clock = clock
        self._log = log

    @property
    def degraded(self) -> list[str]:
        """Why the router is not quite well, in words for its operators."""
        reasons = []
        if self.rejection:
            reasons.append(f"the policy in KV ({self.rejection.digest[:12]}) is not valid")
        if self.kv_error:
            reasons.append(f"KV cannot be read: {self.kv_error}")
        return reasons

    def is_due(self, now_ms: float) -> bool:
        """Whether it is time to ask KV again; says so once per interval."""
        if now_ms - self.asked_ms < REFRESH_MS:
            return False
        self.asked_ms = now_ms
        return True

    async def refresh(self, kv: Kv) -> None:
        """Ask KV and take what is new and good. Never raises."""
        try:
            data = await kv.get(POLICY_KEY)
            if data is not None:
                await self._consider(kv, data)
            elif not self._settled:
                await self._take_last_good(kv)
            self._settled, self.kv_error = True, None
        except Exception as error:  # whatever fails here, requests go on as they were
            self.asked_ms += RETRY_MS - REFRESH_MS
            self.kv_error = type(error).__name__
            self._log("policy-unread", {"error": str(error)[:200]})
        self.ready = True

    async def _consider(self, kv: Kv, data: bytes) -> None:
        digest = digest_of(data)
        if digest == self._seen:
            return
        policy, findings = await self._read(kv, data, digest)
        if digest == self._seen:
            return  # another request was faster
        self._seen = digest
        if policy is None:
            self._reject(digest, findings)
            if not self._settled:
                await self._take_last_good(kv)
            return
        self._serve(policy, "kv")
        self.rejection, self.ready, self._settled = None, True, True
        await self._keep(kv, data, digest)

    async def _read(
        self, kv: Kv, data: bytes, digest: str
    ) -> tuple[CompiledPolicy | None, tuple[Finding, ...]]:
        if digest == self.policy.digest:
            return self.policy, ()
        compiled = await kv.get(COMPILED_PREFIX + digest)
        if digest == self.policy.digest:
            return self.policy, ()  # another request was faster
        if compiled is not None:
            policy = policy_from_json(compiled, digest)
            if policy:
                return policy, ()
        loaded = load(data)
        if loaded.policy is None:
            return None, loaded.findings
        return CompiledPolicy(compile_policy(loaded.policy, digest)), ()

    async def _take_last_good(self, kv: Kv) -> None:
        data = await kv.get(LAST_GOOD_KEY)
        if data is None:
            return
        policy, _ = await self._read(kv, data, digest_of(data))
        if policy and not self._settled:
            self._serve(policy, "last-good")

    async def _keep(self, kv: Kv, data: bytes, digest: str) -> None:
        try:
            kept = await kv.get(LAST_GOOD_KEY)
            if kept is None or digest_of(kept) != digest:
                await kv.put(LAST_GOOD_KEY, data)
        except Exception as error:  # KV takes one write a second; another isolate's serves too
            self._log("last-good-not-kept", {"error": str(error)[:200]})

    def _serve(self, policy: CompiledPolicy, source: Source) -> None:
        self.policy, self.source, self.loaded_ms = policy, source, self._clock()
        self._log("policy-loaded", {"digest": policy.digest, "source": source})

    def _reject(self, digest: str, findings: tuple[Finding, ...]) -> None:
        self.rejection = Rejection(digest, self._clock(), findings)
        first = findings[0]
        told = f"{first.line}:{first.column} {first.code}: {first.message}"
        self._log("policy-rejected", {"digest": digest, "findings": len(findings), "first": told})


def policy_from_json(compiled: bytes, digest: str) -> CompiledPolicy | None:
    """The compiled form, if it is of this format and of the policy named by `digest`."""
    try:
        tables = json.loads(compiled)
        if tables["format"] != FORMAT or tables["digest"] != digest:
            return None
        return CompiledPolicy(tables)
    except (ValueError, KeyError, TypeError, IndexError):
        return None
