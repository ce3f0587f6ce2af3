"""The Durable Object that counts one limited key.

`policies.access.bucket` decides; this module stores the state. Nothing is awaited between reading
a question and writing the state, so questions are decided one by one, and the runtime holds an
answer back until the write before it is durable. To write less often, the object stores a TAT
(theoretical arrival time) a little ahead, and writes again only when that is passed: an eviction
then costs clients that much, but never exceeds the limit. An object whose state equals that of a
new one deletes itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from policies.access.bucket import Ask, Bucket
from policies.access.gcra import Rate
from workers_runtime.garbage import tidy

KEY = "bucket"
AHEAD_MS = 1_000  # the most that an eviction may cost a client
AHEAD_OF_BURST = 10  # and no more than this fraction of the burst: a tenth
IDLE_MS = 60_000  # the least time until an object checks whether it is idle
SPREAD_MS = 600_000  # added to it, spread over objects, so that they do not wake together


class LimiterValues(Protocol):
    """The object's key-value storage."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str) -> None: ...


class LimiterStorage(Protocol):
    """The part of a Durable Object's storage that a limiter needs."""

    @property
    def kv(self) -> LimiterValues: ...
    async def setAlarm(self, at_ms: float) -> None: ...
    async def deleteAll(self) -> None: ...


class ObjectId(Protocol):
    def toString(self) -> str: ...


class LimiterObject:
    """`clock` returns milliseconds since 1970; `object_id`: the id of this object."""

    def __init__(
        self, storage: LimiterStorage, object_id: ObjectId, clock: Callable[[], float]
    ) -> None:
        self._storage = storage
        self._bucket: Bucket | None = None
        self._written = 0  # the TAT in storage
        self._has_alarm = False
        self._id = object_id
        self._clock = clock

    async def take(self, question: str) -> str:
        """Takes an `Ask` as JSON and returns a `Grant`."""
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
        """Takes `[id, number]` of a grant. It is not written: the next grant is."""
        if self._bucket:
            self._bucket.give_back(*json.loads(returned))

    async def alarm(self, *_: object) -> None:
        """Delete the state if it equals that of a new object."""
        bucket, now = self._known(None), int(self._clock())
        written_ms = self._written // bucket.rate.requests
        if written_ms > now:
            await self._storage.setAlarm(written_ms + self._idle_ms())
            return
        self._bucket, self._written, self._has_alarm = None, 0, False
        await self._storage.deleteAll()

    on_alarm = alarm  # the name that workerd calls without global handlers

    def _idle_ms(self) -> int:
        """The time until the next alarm. An id is a hash, so it spreads alarms without
        randomness."""
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
