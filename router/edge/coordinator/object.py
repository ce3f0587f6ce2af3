"""The Coordinator: one object for all isolates.

`policies.fleet.coordination` decides what it knows and answers; this module stores the state and
sends the probes. `sync` waits only for the storage, and in a new object once for KV. An alarm
starts the probes that are due and ends: each probe runs by itself, so one that hangs delays no
other. While isolates report there is always a next alarm; some minutes after the last report only
drills and rollouts set one, until the next report.
"""

from __future__ import annotations

import json
from collections.abc import Container, Coroutine, Mapping
from math import inf
from secrets import token_hex

from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.fleet.active_health import BODY_BYTES, ProbeAnswer, judge, target_of
from policies.fleet.coordination import Coordination, coordination_from
from policies.fleet.report import report_from
from policies.fleet.snapshot import snapshot_json
from policies.proxy.phases.headers import VERSION_OVERRIDE
from router.edge.coordinator.audit import Audit
from router.edge.coordinator.collaborators import Collaborators
from router.edge.coordinator.drilling import Drilling
from router.edge.coordinator.rolling import Rolling
from router.edge.isolate.store import FIRST_LOAD_MS
from router.edge.runtime.faults import error_fields
from workers_runtime.garbage import tidy

KEY = "coordination"
HEARD_KEY = "heard"  # the time of the last report, written at most every HEARD_MS
HEARD_MS = 60_000
LOOK_MS = 5_000  # the longest time between two alarms: after 10 s idle it would be evicted
SOONEST_MS = 50
IDLE_MS = 5 * 60_000  # without a report for so long it is idle
OVERDUE_MS = 30_000  # an alarm that is late by so much will not come
AGENT = ("user-agent", "fiberwise-router-health/1")


class CoordinatorObject:
    """Only the router calls it, through its binding."""

    def __init__(self, around: Collaborators) -> None:
        self._around = around
        self._clock, self._log, self._store = around.clock, around.log, around.store
        self._storage = around.storage
        self._alarm_ms = -inf  # when the next alarm is; -inf: none is known
        self._written = 0  # the version in storage
        self._heard_ms = self._noted_ms = float(self._storage.kv.get(HEARD_KEY) or 0)
        self._state = self._restored()
        self._audit = Audit(self._storage.sql, self._log)
        self._drilling = Drilling(around, self._audit)
        self._rolling = Rolling(around, self._audit)
        if not self._rolling.is_lost:  # else isolates learn nothing before KV was read
            self._show(self._clock())

    async def sync(self, report: str) -> str:
        """Takes a `Report` as JSON. Returns a `Snapshot`, or only its version if the isolate has
        it."""
        tidy()
        if await self._rolling.recover():
            self._show(self._clock())
        now, version, parsed = self._clock(), self._state.version, report_from(report)
        self._rolling.hear(dict(parsed.rollouts))
        answer = self._state.hear(parsed, now)
        self._note_report(now)
        if self._state.version != version:
            self._tick(now)
        self._write()
        if not now - OVERDUE_MS <= self._alarm_ms <= now + LOOK_MS:
            await self._wake(now)
        return answer

    async def state(self, _: object = None) -> str:
        """The whole state, for the admin page."""
        return json.dumps(self._state.state(self._clock()))

    async def start_drill(self, question: str) -> str:
        """Takes `[drill request, by whom]`; see `Drilling.start`. Returns the new snapshot as
        well."""
        await self._take_policy()
        text, by = json.loads(question)
        now = self._clock()
        return await self._with_snapshot(
            self._drilling.start(text, by, now, self._state.unwell(now))
        )

    async def stop_drill(self, question: str) -> str:
        """Takes `[id, or null for all; by whom]`. Returns the ended drills and the new snapshot."""
        drill_id, by = json.loads(question)
        return await self._with_snapshot(self._drilling.stop(drill_id, by, self._clock()))

    async def drills(self, _: object = None) -> str:
        await self._take_policy()
        self._tick(self._clock())
        self._write()
        return json.dumps(self._drilling.to_dict(self._clock()))

    async def audit(self, number: str) -> str:
        """The newest events."""
        return json.dumps(self._audit.newest(int(number)))

    async def rollouts(self, _: object = None) -> str:
        await self._take_policy()
        self._tick(self._clock())
        self._write()
        return json.dumps(self._rolling.to_dicts(self._clock()))

    async def act_on_rollout(self, question: str) -> str:
        """Takes `[name, action, by whom, note, force]`; see `Rolling.act`. Returns the new snapshot
        as well."""
        await self._take_policy()
        now = self._clock()
        answer = self._rolling.act(json.loads(question), now, *self._troubled(now))
        return await self._with_snapshot(answer)

    async def rollout_history(self, question: str) -> str:
        """Takes `[name, how many]`. Returns the newest events of a rollout."""
        name, number = json.loads(question)
        return json.dumps(self._rolling.history(name, int(number)))

    async def alarm(self, *_: object) -> None:
        """Set the next alarm even after an error: the runtime gives up an alarm that fails too
        often."""
        now = self._clock()
        is_idle = now - self._heard_ms > IDLE_MS
        try:
            await self._look(is_idle)
        except Exception as error:
            self._log("internal-error", error_fields(error))
        due = min(self._drilling.next_ms(), self._rolling.next_ms(now, is_idle=is_idle))
        if due <= now:  # a step that was due has failed
            due = now + LOOK_MS
        if not is_idle:
            due = min(due, now + LOOK_MS, self._state.active_health.next_ms())
        if due == inf:
            self._alarm_ms = -inf
        else:
            await self._wake(max(now + SOONEST_MS, due))

    on_alarm = alarm  # the name that workerd calls without global handlers

    async def _look(self, is_idle: bool) -> None:
        """Read the serving policy, and start the work that is due."""
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
        """Read the current policy, within the time limit of a first request."""
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
        """The variants that are unwell, and those that a drill covers."""
        drills, variants = self._drilling.running(now), self._store.policy.variants
        drilled = {v.name for v in variants if any(drill.covers(v) for drill in drills)}
        return self._state.unwell(now), drilled

    def _show(self, now: float) -> None:
        """Put the running drills and rollouts into the snapshot."""
        self._state.drill(self._drilling.running(now))
        self._state.roll(self._rolling.overrides(), is_all=self._rolling.is_all)

    async def _with_snapshot(self, answer: Mapping[str, object]) -> str:
        """The answer with the new snapshot, after it was written; an alarm follows at once."""
        now = self._clock()
        self._show(now)
        self._write()
        await self._wake(now)
        return json.dumps({**answer, "snapshot": snapshot_json(self._state.snapshot(now))})

    def _begin_probes(self, policy: CompiledPolicy, now: float) -> None:
        variants = {variant.name: variant for variant in policy.variants}
        targets = {name: target_of(variant) for name, variant in variants.items()}
        self._state.plan(policy.health.active, targets, now)
        for name in self._state.active_health.begin(now):
            self._start(self._probe(variants[name]))

    async def _probe(self, variant: Variant) -> None:
        """Probe one variant, and record the result."""
        began = self._clock()
        answer = await self._send_probe(variant, began)
        self._state.active_health.end(variant.name, target_of(variant), answer, self._clock())
        self._state.look(self._clock())
        self._write()

    async def _send_probe(self, variant: Variant, began: float) -> ProbeAnswer:
        terms = self._store.policy.health.active
        if terms is None:
            return ProbeAnswer(0, 0, "active health was turned off")
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
        except Exception as error:  # a probe always has a result
            return ProbeAnswer(0, int(self._clock() - began), str(error)[:200])

    def _note_report(self, now: float) -> None:
        """Note the time of a report, also in storage: an object that each alarm starts anew would
        else never know that reports have ended."""
        self._heard_ms = now
        if now >= self._noted_ms + HEARD_MS:
            self._noted_ms = now
            self._storage.kv.put(HEARD_KEY, int(now))

    def _start(self, work: Coroutine[object, None, None]) -> None:
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
