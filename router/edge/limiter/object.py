"""One limited key, as the Durable Object of it keeps it.

What it decides is in `policies.access.bucket`; here it is kept. Between reading the
question and having written nothing is awaited, so questions are decided one by one; and
the runtime holds an answer back until what was written before it is durable. To write
less often, the object writes a TAT that is a little ahead, and then only when that one
has been passed: should it be evicted, so much is lost, and nothing too much let through.
An object that would answer as a new one deletes itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from policies.access.bucket import Ask, Bucket
from policies.access.gcra import Rate
from workers_runtime.garbage import tidy

KEY = "bucket"
AHEAD_MS = 1_000  # what an eviction may cost a client at most,
AHEAD_OF_BURST = 10  # and a tenth of the burst
IDLE_MS = 60_000  # an object looks now and then whether it is idle: after this at the soonest,
SPREAD_MS = 600_000  # and each so much later: those that begin together do not wake together


class Values(Protocol):
    """The object's key-value storage."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str) -> None: ...


class Storage(Protocol):
    """The little of a Durable Object's storage that a limiter needs."""

    @property
    def kv(self) -> Values: ...
    async def setAlarm(self, at_ms: float) -> None: ...
    async def deleteAll(self) -> None: ...


class ObjectId(Protocol):
    def toString(self) -> str: ...


class LimiterObject:
    """`clock` gives milliseconds since 1970; `object_id`: what the object is named."""

    def __init__(self, storage: Storage, object_id: ObjectId, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._bucket: Bucket | None = None
        self._written = 0  # the TAT in storage
        self._has_alarm = False
        self._id = object_id
        self._clock = clock

    async def take(self, question: str) -> str:
        """A question is an `Ask` as JSON, the answer a `Grant`."""
        tidy()
        rate, want, lease_ms, hold, returns = json.loads(question)
        ask = Ask(Rate(*rate), want, lease_ms, hold, returns)
        bucket, now = self._known(ask.rate), int(self._clock())
        was = bucket.rate
        grant = bucket.take(ask, now)
        if bucket.tat > self._written or bucket.rate != was:
            self._write(bucket)
        if not self._has_alarm:
            self._has_alarm = True
            await self._storage.setAlarm(now + self._idle_ms())
        return json.dumps(grant)

    async def give_back(self, returned: str) -> None:
        """`[id, number]` of a grant. Not worth writing: the next grant is written."""
        if self._bucket:
            self._bucket.give_back(*json.loads(returned))

    async def alarm(self, *_: object) -> None:
        """The state is deleted when it says no more than none would."""
        bucket, now = self._known(None), int(self._clock())
        written_ms = self._written // bucket.rate.requests
        if written_ms > now:
            await self._storage.setAlarm(written_ms + self._idle_ms())
            return
        self._bucket, self._written, self._has_alarm = None, 0, False
        await self._storage.deleteAll()

    on_alarm = alarm  # its name without global handlers

    def _idle_ms(self) -> int:
        """An id is a hash, so it spreads well, and alarms need no randomness. Whoever wakes
        only to delete does not ask for it: that is one look, and one deletion."""
        return IDLE_MS + int(self._id.toString()[-8:], 16) % SPREAD_MS

    def _known(self, rate: Rate | None) -> Bucket:
        if self._bucket is None:
            written = self._storage.kv.get(KEY)
            if written:
                count, per_ms, burst, self._written = json.loads(written)
                self._bucket = Bucket(Rate(count, per_ms, burst), self._written)
                self._has_alarm = True  # set before the first was written
            else:
                self._bucket = Bucket(rate or Rate(1, 1, 1))
        return self._bucket

    def _write(self, bucket: Bucket) -> None:
        rate = bucket.rate
        ahead = min(AHEAD_MS * rate.requests // rate.per_ms, rate.burst // AHEAD_OF_BURST)
        self._written = bucket.tat + ahead * rate.per_ms
        self._storage.kv.put(KEY, json.dumps([*rate, self._written]))
