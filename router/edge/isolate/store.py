"""Which policy serves: the one in KV, else the last good one, else the bundled one.

An isolate asks KV every 10 s in the background. Only its first requests wait for the answer, each
with a read of its own: in Workers no request may wait for another's I/O. So reads overlap; what
was read is checked and applied without awaiting in between, once, and never over the result of a
later read. A policy that does not validate is refused whole and reported, and the last good one
stays; `policy/last-good` has it for isolates that start meanwhile. With the compiled form that
`router push` writes beside the policy, the edge need not read YAML; it is used only if it was made
from the same bytes and has this Worker's format. An isolate has one thread, so a policy is read in
slices (`reading.py`). First requests wait for the first slices; if these do not suffice, the
policy that served before goes on meanwhile.
"""

from __future__ import annotations

from asyncio import sleep, wait_for
from collections.abc import Callable
from dataclasses import dataclass

from policies.compiled.policy import CompiledPolicy
from policies.language.findings.findings import Finding
from policies.language.load import digest_steps
from router.edge.isolate.keeper import EdgeKv, Keeper, Log
from router.edge.isolate.keys import COMPILED_PREFIX, LAST_GOOD_KEY, POLICY_KEY
from router.edge.isolate.reading import Reading, Source
from router.edge.isolate.slices import PAUSE_S, SLICE_UNITS, slowly
from router.edge.isolate.timing import DEFAULTS
from workers_runtime import garbage

READ_MS = 10_000  # the time limit of a read in the background
RETRY_MS = 1_000  # after KV could not be read
FIRST_LOAD_MS = 2_000  # the longest wait of a first request; KV seldom takes a tenth of it
COMPILED_MS = 1_000  # after that the YAML is read, within the first request's time
FIRST_UNITS = 10  # of work that first requests wait for (`basics/steps.py`)
LOST_MS = 2_000  # a reading without progress for so long ended with its request
UNREAD = "KV cannot be read"  # the beginning of that reason of `degraded`


@dataclass(frozen=True, slots=True)
class Rejection:
    """A policy that was refused. `findings`: all its errors; empty if the router itself failed."""

    digest: str
    at_ms: float
    findings: tuple[Finding, ...]


class PolicyStore:
    """The isolate's policy. `clock` returns milliseconds since 1970."""

    def __init__(self, bundled: CompiledPolicy, clock: Callable[[], float], log: Log) -> None:
        self.timing = DEFAULTS
        self.policy = bundled
        self.source: Source = "bundled"
        self.loaded_ms = 0.0
        self.asked_ms = float("-inf")
        self.rejection: Rejection | None = None
        self.kv_error: str | None = None
        self.allow_private = False  # whether variants may have URLs in private networks
        self.ready = False  # KV has been asked; requests need not wait any more
        self._due_ms = float("-inf")
        self._read_number = 0  # the number of the last read of KV
        self._newest_read = 0  # the number of the newest read that was answered
        self._held: str | None = None  # the digest of the policy in KV; "": there was none
        self._data: bytes | None = None  # that policy: comparing is faster than hashing
        self._settled = False  # a policy of KV serves, or the last good one was tried
        self._readings: list[Reading] = []  # the policies being read, one after the other
        self._worked_ms = float("-inf")  # when the last slice of them was done
        self._keeper = Keeper(clock, log)
        self._clock = clock
        self._log = log

    @property
    def degraded(self) -> list[str]:
        """Why the router is degraded, for its operators."""
        reasons = []
        if self.rejection:
            reasons.append(f"the policy in KV ({self.rejection.digest[:12]}) is not valid")
        if self.kv_error:
            reasons.append(f"{UNREAD}: {self.kv_error}")
        return reasons

    @property
    def due_ms(self) -> float:
        """When KV is asked again."""
        return self._due_ms

    def is_due(self, now_ms: float) -> bool:
        """Whether to ask KV again; True once per interval."""
        if now_ms < self._due_ms:
            return False
        self.asked_ms, self._due_ms = now_ms, now_ms + self.timing.refresh_ms
        return True

    async def refresh(self, kv: EdgeKv, within_ms: float = READ_MS) -> None:
        """Ask KV, and serve a new policy if it is valid. Never raises."""
        self._read_number += 1
        number = self._read_number
        try:
            await wait_for(self._ask(kv, number), within_ms / 1000)
            self.ready, self.kv_error = True, None
        except Exception as error:  # whatever fails here, requests go on as they were
            if number >= self._newest_read:
                self.ready, self.kv_error = True, type(error).__name__
                self._due_ms = self._clock() + RETRY_MS
            self._log("policy-unread", {"error": str(error)[:200] or type(error).__name__})

    async def keep(self, kv: EdgeKv) -> None:
        """Finish reading the policy in KV, and store it as the last good one. Never raises."""
        await self._read_on()
        if self.kv_error is None:
            await self._keeper.keep(kv, self.timing.lag_ms)

    async def refresh_and_keep(self, kv: EdgeKv) -> None:
        """`refresh`, then `keep`."""
        await self.refresh(kv)
        await self.keep(kv)

    async def _ask(self, kv: EdgeKv, number: int) -> None:
        data = await kv.get(POLICY_KEY)
        digest = self._held if data == self._data and self._held else await _digest_of(data)
        compiled = await self._compiled(kv, digest)
        if number >= self._newest_read:
            self._newest_read = number
            self._hear(data, digest, compiled)
        self._work(SLICE_UNITS if self.ready else FIRST_UNITS)
        if not self._settled:
            await self._take_last_good(kv)

    async def _read_on(self) -> None:
        """Go on with the reading, unless another task does."""
        if self._clock() < self._worked_ms + LOST_MS:
            return
        while self._readings:
            self._work(SLICE_UNITS)
            self._worked_ms = self._clock()
            await sleep(PAUSE_S)
        self._worked_ms = float("-inf")

    def _work(self, units: int) -> None:
        """Do some of the reading, and apply the policy when it is complete."""
        if not self._readings or not self._readings[0].go_on(units):
            return
        reading = self._readings.pop(0)
        self._end(reading)
        if not self._readings:
            garbage.stays()

    def _end(self, reading: Reading) -> None:
        """Serve a policy that has been read, or refuse it."""
        if reading.policy is None:
            if reading.source == "kv":
                self._reject(reading)
            return
        if reading.source == "kv":
            self._settled = True
            self._readings.clear()
            self._keeper.accept(
                reading.data, reading.digest, reading.tables, is_first=reading.is_first
            )
        self._serve(reading.policy, reading.source)

    async def _compiled(self, kv: EdgeKv, digest: str) -> bytes | None:
        """The compiled form of the policy with that digest, if it is needed and there is one."""
        if not digest or digest in (self._held, self.policy.digest):
            return None
        try:
            return await wait_for(kv.get(COMPILED_PREFIX + digest), COMPILED_MS / 1000)
        except Exception as error:  # the YAML will do
            self._log("compiled-unread", {"error": str(error)[:200] or type(error).__name__})
            return None

    def _hear(self, data: bytes | None, digest: str, compiled: bytes | None) -> None:
        """Begin to read the policy that KV has now."""
        if digest == self._held:
            return
        self._data = data
        self._held, self.rejection = digest, None
        self._keeper.forget()
        self._readings = [reading for reading in self._readings if reading.source != "kv"]
        if data is not None:
            self._readings.append(self._begin(data, digest, compiled, "kv"))
            garbage.reading()

    async def _take_last_good(self, kv: EdgeKv) -> None:
        data = await kv.get(LAST_GOOD_KEY)
        digest = await _digest_of(data)
        compiled = await self._compiled(kv, digest)
        if self._settled:
            return  # another request was faster
        self._settled = True
        if data is None or digest == self._held:
            return
        reading = self._begin(data, digest, compiled, "last-good")
        # The policy of KV may still be being read: it comes first, unless this one needs no time.
        at = 0 if compiled or reading.policy else len(self._readings)
        self._readings.insert(at, reading)
        self._work(FIRST_UNITS)

    def _begin(self, data: bytes, digest: str, compiled: bytes | None, source: Source) -> Reading:
        reading = Reading(data, digest, source, self._log, allow_private=self.allow_private)
        reading.compiled, reading.is_first = compiled, not self._settled
        reading.policy = self.policy if digest == self.policy.digest else None
        return reading

    def _serve(self, policy: CompiledPolicy, source: Source) -> None:
        self.policy, self.source, self.loaded_ms = policy, source, self._clock()
        self._log("policy-loaded", {"digest": policy.digest, "source": source})

    def _reject(self, reading: Reading) -> None:
        digest, findings = reading.digest, reading.findings
        self.rejection = Rejection(digest, self._clock(), findings)
        place = ""
        for first in findings[:1]:
            place = f"{first.line}:{first.column} {first.code}"
        self._log("policy-rejected", {"digest": digest, "findings": len(findings), "first": place})


async def _digest_of(data: bytes | None) -> str:
    """The digest of a value; it may have 25 MB, so it is hashed in slices."""
    return "" if data is None else await slowly(digest_steps(data))
