"""What the one Coordinator does, of which there is one for all isolates.

What it knows and tells is in `policies.fleet.coordination`; here it is kept, and the
probes are sent. `sync` waits for nothing but the storage, and a new object once for KV. An
alarm starts the probes that are due and ends: each goes on by itself, so that one that hangs
holds up nobody. While isolates report there is always a next alarm; some minutes after the
last report there is one for drills and rollouts alone, and the next report begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Container, Coroutine, Mapping
from math import inf
from secrets import token_hex
from typing import Any

from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.fleet.active_health import BODY_BYTES, ProbeAnswer, judge
from policies.fleet.coordination import Coordination, coordination_from
from policies.fleet.report import report_from
from policies.fleet.snapshot import snapshot_json
from policies.proxy.headers import VERSION_OVERRIDE
from router.edge.coordinator.audit import Audit
from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.drilling import Drilling
from router.edge.coordinator.rolling import Rolling
from router.edge.isolate.store import FIRST_LOAD_MS
from router.edge.runtime.faults import described
from workers_runtime.garbage import tidy

KEY = "coordination"
HEARD_KEY = "heard"  # when the last report came, as it was known at most HEARD_MS later
HEARD_MS = 60_000
LOOK_MS = 5_000  # between two alarms at most: after 10 s of idleness it would be evicted
SOONEST_MS = 50
IDLE_MS = 5 * 60_000  # without a report for so long it rests
OVERDUE_MS = 30_000  # an alarm that is so late will not come
AGENT = ("user-agent", "fiberwise-router-health/1")


class CoordinatorObject:
    """Called by the router alone, through its binding."""

    def __init__(self, around: Collaborators) -> None:
        self._around = around
        self._clock, self._log, self._store = around.clock, around.log, around.store
        self._storage = around.storage
        self._alarm_ms = -inf  # the next one; -inf: none that is known
        self._written = 0  # the version in storage
        self._heard_ms = self._noted_ms = float(self._storage.kv.get(HEARD_KEY) or 0)
        self._state = self._restored()
        self._audit = Audit(self._storage.sql, self._log)
        self._drilling = Drilling(around, self._audit)
        self._rolling = Rolling(around, self._audit)
        if not self._rolling.is_lost:  # else nobody is told before KV was asked
            self._show(self._clock())

    async def sync(self, report: str) -> str:
        """A `Report` as JSON; the answer is a `Snapshot`, or only its name."""
        tidy()
        if await self._rolling.recover():
            self._show(self._clock())
        now, version, told = self._clock(), self._state.version, report_from(report)
        self._rolling.hear(dict(told.rollouts))
        answer = self._state.hear(told, now)
        self._heard(now)
        if self._state.version != version:
            self._tick(now)
        self._write()
        if not now - OVERDUE_MS <= self._alarm_ms <= now + LOOK_MS:
            await self._wake(now)
        return answer

    async def state(self, _: object = None) -> str:
        """All that is known, for people."""
        return json.dumps(self._state.state(self._clock()))

    async def start_drill(self, question: str) -> str:
        """`[what is asked for, by whom]`; see `Drilling.start`. With the new snapshot."""
        await self._take_policy()
        text, by = json.loads(question)
        now = self._clock()
        return await self._done(self._drilling.start(text, by, now, self._state.unwell(now)))

    async def stop_drill(self, question: str) -> str:
        """`[its id, or null for all, by whom]`; those that ended, with the new snapshot."""
        drill_id, by = json.loads(question)
        return await self._done(self._drilling.stop(drill_id, by, self._clock()))

    async def drills(self, _: object = None) -> str:
        await self._take_policy()
        self._tick(self._clock())
        self._write()
        return json.dumps(self._drilling.told(self._clock()))

    async def audit(self, number: str) -> str:
        """The newest events."""
        return json.dumps(self._audit.newest(int(number)))

    async def rollouts(self, _: object = None) -> str:
        await self._take_policy()
        self._tick(self._clock())
        self._write()
        return json.dumps(self._rolling.told(self._clock()))

    async def act_on_rollout(self, question: str) -> str:
        """`[name, action, by whom, note, force]`; see `Rolling.act`. With the new snapshot."""
        await self._take_policy()
        now = self._clock()
        answer = self._rolling.act(json.loads(question), now, *self._troubled(now))
        return await self._done(answer)

    async def rollout_history(self, question: str) -> str:
        """`[name, how many]`: the newest events of a rollout."""
        name, number = json.loads(question)
        return json.dumps(self._rolling.history(name, int(number)))

    async def alarm(self, *_: object) -> None:
        """Whatever goes wrong, there is a next one: one that fails too often would be the
        last."""
        now = self._clock()
        is_idle = now - self._heard_ms > IDLE_MS
        try:
            await self._look(is_idle)
        except Exception as error:
            self._log("internal-error", described(error))
        due = min(self._drilling.next_ms(), self._rolling.next_ms(now, is_idle=is_idle))
        if due <= now:  # it could not be done
            due = now + LOOK_MS
        if not is_idle:
            due = min(due, now + LOOK_MS, self._state.active_health.next_ms())
        if due == inf:
            self._alarm_ms = -inf
        else:
            await self._wake(max(now + SOONEST_MS, due))

    on_alarm = alarm  # its name without global handlers

    async def _look(self, is_idle: bool) -> None:
        """Take the policy that serves, and start what is due."""
        store = self._store
        await self._rolling.recover()
        if is_idle or not store.ready:
            await self._take_policy()
        elif store.is_due(self._clock()):
            self._start(store.refresh_and_keep(self._around.kv()))
        self._tick(self._clock())
        if is_idle:
            self._state.rest(self._clock())
        else:
            self._begin_probes(store.policy, self._clock())
        for asking in self._rolling.asks(self._clock()):
            self._start(self._rolling.ask(asking))
        if self._rolling.copy_is_due:
            self._start(self._rolling.copy())
        self._write()

    async def _take_policy(self) -> None:
        """The policy as it is now, within the time a first request has for it."""
        store, kv = self._store, self._around.kv()
        await self._rolling.recover()
        if store.is_due(self._clock()) or not store.ready:
            await store.refresh(kv, FIRST_LOAD_MS)
            self._start(store.keep(kv))

    def _tick(self, now: float) -> None:
        self._drilling.tick(now, self._state.unwell(now))
        self._rolling.tick(now, *self._troubled(now))
        self._show(now)

    def _troubled(self, now: float) -> tuple[Container[str], Container[str]]:
        """Who is unwell, and whom a drill makes so."""
        drills, variants = self._drilling.running(now), self._store.policy.variants
        drilled = {v.name for v in variants if any(drill.covers(v) for drill in drills)}
        return self._state.unwell(now), drilled

    def _show(self, now: float) -> None:
        """What isolates are told of from here on."""
        self._state.drill(self._drilling.running(now))
        self._state.roll(self._rolling.steering(), is_all=self._rolling.is_all)

    async def _done(self, answer: Mapping[str, Any]) -> str:
        """The answer, when isolates can know of it; the alarm finds out what comes next."""
        now = self._clock()
        self._show(now)
        self._write()
        await self._wake(now)
        return json.dumps({**answer, "snapshot": snapshot_json(self._state.snapshot(now))})

    def _begin_probes(self, policy: CompiledPolicy, now: float) -> None:
        variants = {variant.name: variant for variant in policy.variants}
        self._state.plan(policy.health.active, list(variants), now)
        for name in self._state.active_health.begin(now):
            self._start(self._probe(variants[name]))

    async def _probe(self, variant: Variant) -> None:
        """Ask one variant, and take in what came of it."""
        began = self._clock()
        answer = await self._asked(variant, began)
        self._state.active_health.end(variant.name, answer, self._clock())
        self._state.look(self._clock())
        self._write()

    async def _asked(self, variant: Variant, began: float) -> ProbeAnswer:
        terms = self._store.policy.health.active
        if terms is None:
            return ProbeAnswer(0, 0, "not asked any more")
        url = f"https://{variant.name}.internal{terms.path}"
        headers = [AGENT]
        if variant.override:
            headers.append((VERSION_OVERRIDE, variant.override))
        most = BODY_BYTES if terms.body is not None else 0
        upstream, timeout = variant.upstream, terms.timeout_ms
        drill = self._drilling.in_front(variant, began)
        try:
            asking = self._around.probe(upstream, url, headers, timeout, most, drill)
            status, body = await asking
            return ProbeAnswer(status, int(self._clock() - began), judge(terms, status, body))
        except Exception as error:  # a probe always ends
            return ProbeAnswer(0, int(self._clock() - began), str(error)[:200])

    def _heard(self, now: float) -> None:
        """An isolate has reported. That has to survive: who is woken by each alarm anew
        would never know that nobody reports any more."""
        self._heard_ms = now
        if now >= self._noted_ms + HEARD_MS:
            self._noted_ms = now
            self._storage.kv.put(HEARD_KEY, int(now))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._around.start(work)

    async def _wake(self, at_ms: float) -> None:
        self._alarm_ms = at_ms
        await self._storage.setAlarm(int(at_ms))

    def _restored(self) -> Coordination:
        text = self._storage.kv.get(KEY)
        state = coordination_from(text, self._clock()) if isinstance(text, str) else None
        if state is None:
            if text is not None:
                self._log("coordinator-state-unread", {})
            return Coordination(token_hex(4))
        self._written = state.version
        return state

    def _write(self) -> None:
        if self._state.version != self._written:
            self._storage.kv.put(KEY, self._state.to_json())
            self._written = self._state.version
