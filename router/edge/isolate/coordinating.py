"""The isolate's reports to the Coordinator, and what it learns from the answers.

1. A sync runs in the background, after an answer: no request waits for it, and none fails by it.
2. A sync is due every five seconds, with jitter, so that isolates do not report together; after an
   ejection at once, but at most once a second. One runs at a time.
3. While the Coordinator is away the isolate uses its own view, and asks with growing waits.
4. A snapshot older than the known one is dropped.
"""

from __future__ import annotations

import json
from asyncio import wait_for
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from random import Random
from typing import Protocol

from policies.basics.untyped import JsonObject
from policies.fleet.health import TOLD_FOR_MS
from policies.fleet.report import Report, Tally, report_json
from policies.fleet.snapshot import Snapshot, snapshot_from
from policies.resilience.drill import Drill, drills_from
from policies.rollouts.overrides import RolloutOverrides
from policies.rollouts.tallies import Tallies
from router.edge.isolate.keeper import Log
from router.edge.isolate.keys import ROLLOUTS_KEY
from router.edge.isolate.metrics import Metrics
from router.edge.isolate.timing import DEFAULTS

WAITS = (1, 2, 4, 6)  # times `Timing.report_ms` until the next one, by failures in a row
JITTER = 0.2  # of a wait, up or down
PATIENCE_MS = 2_000
COPY_MS = 1_000  # the time limit for reading the copy in KV
OLD_MS = 60_000  # the age at which the state of a running rollout must be learnt anew
LOST_MS = 5_000  # a sync without an answer for so long ended with its request

Ask = Callable[[str], Awaitable[str]]


class ReportSource(Protocol):
    """The source of reports, which learns from snapshots: `policies.fleet.health.Health`."""

    is_urgent: bool

    def report(self, now_ms: float) -> dict[str, dict[str, int]]: ...
    def taken(self, report: dict[str, dict[str, int]]) -> None: ...
    def learn(self, snapshot: Snapshot | None, now_ms: float) -> None: ...


class Coordinating:
    """The state of the syncs. `due_ms`: a request at this time or later starts a sync;
    `drills`: those that run, or ran a moment ago; `rollout_overrides`: the known weights of
    rollouts, used until newer ones are known; `tallies`: their counts."""

    def __init__(
        self,
        health: ReportSource,
        metrics: Metrics,
        rng: Random,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self.timing = DEFAULTS
        self.due_ms = -inf
        self.heard_ms = -inf  # when the last answer came
        self.error: str | None = None  # why the last sync had no answer
        self.epoch: str | None = None
        self.version = 0
        self.drills: tuple[Drill, ...] = ()
        self.rollout_overrides = RolloutOverrides()
        self.tallies = Tallies()
        self._health = health
        self._metrics = metrics
        self._rng = rng
        self._clock = clock
        self._log = log
        self._asked_ms = -inf
        self._learned_ms = -inf
        self._is_asking = False
        self._sync_number = 0
        self._failures = 0  # in a row

    @property
    def is_reachable(self) -> bool:
        """Whether the last sync had an answer."""
        return self.error is None and self.heard_ms > 0

    def hurry(self) -> None:
        """Sync soon: a variant was ejected, and other isolates should know."""
        if not self._failures:
            self.due_ms = min(self.due_ms, self._asked_ms + self.timing.hurry_ms)

    def begin(self, now_ms: float) -> bool:
        """Whether to sync now; if so, the sync counts as begun."""
        if self._is_asking and now_ms < self._asked_ms + LOST_MS:
            self.due_ms = self._asked_ms + LOST_MS
            return False
        self._is_asking, self._asked_ms = True, now_ms
        self._sync_number += 1
        wait = WAITS[min(self._failures, len(WAITS) - 1)] * self.timing.report_ms
        self.due_ms = now_ms + wait * (1 + JITTER * self._rng.uniform(-1, 1))
        return True

    async def sync(self, ask: Ask, isolate: str, colo: str, digest: str) -> None:
        """Report through `ask`, and learn from the answer. Never raises."""
        number, counts = self._sync_number, self._health.report(self._asked_ms)
        tallied = self.tallies.report()
        if self._asked_ms >= self.heard_ms + TOLD_FOR_MS:
            self.epoch, self.version = None, 0  # `Health` has dropped the snapshot by now
        variants = {name: Tally(**counted) for name, counted in counts.items()}
        report = Report(isolate, colo, self.epoch, self.version, digest, variants, tallied)
        try:
            answer = await ask(report_json(report))
            if number == self._sync_number:
                self.hear(answer)
                self._health.taken(counts)
                self.tallies.taken(tallied)
                self._ends("ok", None)
        except Exception as error:
            is_late = getattr(error, "name", "") == "TimeoutError"
            if number == self._sync_number:
                if is_late:  # it may have arrived, and must not be counted twice
                    self._health.taken(counts)
                    self.tallies.taken(tallied)
                self._ends("timeout" if is_late else "error", str(error)[:200])

    def must_learn(self, now_ms: float) -> bool:
        """Whether a request should wait for the state of rollouts: nothing is known yet, or a
        rollout runs and its state is old, since there were no requests."""
        if not self.rollout_overrides.is_known:
            return True
        known_ms = max(self.heard_ms, self._learned_ms)
        return now_ms > known_ms + OLD_MS and self.error is None and self.rollout_overrides.moves

    async def learn_first(
        self,
        ask: Ask,
        read: Callable[[str], Awaitable[bytes | None]],
        isolate: str,
        colo: str,
        digest: str,
    ) -> None:
        """Learn the state of rollouts from the Coordinator, else from its copy in KV. Without both,
        the known weights stay, or those of the policy. Never raises."""
        self._learned_ms = self._clock()
        report = Report(isolate, colo, None, 0, digest, {})
        try:
            answer = await ask(report_json(report))
            knows_all = snapshot_from(answer).is_all
            if knows_all:
                self.hear(answer)
        except Exception as error:
            self._log("rollouts-not-heard", {"reason": str(error)[:200]})
            knows_all = False
        if not knows_all:
            await self._read_copy(read)
        self.rollout_overrides.is_known = True  # as far as possible; the next sync brings more

    async def _read_copy(self, read: Callable[[str], Awaitable[bytes | None]]) -> None:
        try:
            copy = await wait_for(read(ROLLOUTS_KEY), COPY_MS / 1000)
            document: JsonObject = json.loads(copy) if copy else {"rollouts": (), "is_all": False}
            if not self.rollout_overrides.is_known:  # else a sync has brought newer state meanwhile
                self.learn_rollouts(document["rollouts"], is_all=bool(document["is_all"]))
        except Exception as error:
            self._log("rollouts-unread", {"error": type(error).__name__})

    def broke(self, part: str) -> None:
        """Correct the tallies: an answer counted as a success broke off. `part`: of
        `RolloutOverride.part`."""
        run, _, side = part.partition("/")
        if run in self.rollout_overrides.counted:
            self.tallies.broke(run, side)

    def hear(self, answer: str) -> None:
        """Learn from an answer. Raises `ValueError` if it is malformed."""
        document = json.loads(answer)
        epoch, version, now = document["epoch"], document["version"], self._clock()
        is_known = epoch == self.epoch and version <= self.version
        snapshot = None if is_known else snapshot_from(answer)
        self._health.learn(snapshot, now)
        self.heard_ms = now
        if snapshot:
            self.drills = drills_from(snapshot.drills)
            self.learn_rollouts(snapshot.rollouts, is_all=snapshot.is_all)
            self.epoch, self.version = snapshot.epoch, snapshot.version

    def learn_rollouts(self, rollouts: Sequence[dict[str, object]], *, is_all: bool) -> None:
        """Learn which rollouts have begun, and their weights."""
        self.rollout_overrides.learn(rollouts, is_all=is_all)
        self.tallies.keep(self.rollout_overrides.counted)

    def _ends(self, result: str, error: str | None) -> None:
        self._metrics.coordinator_syncs[(result,)] += 1
        self._is_asking = False
        if error and not self.error:
            self._log("coordinator-away", {"reason": error})
        elif self.error and not error:
            self._log("coordinator-back", {})
        self.error = error
        self._failures = self._failures + 1 if error else 0
        if self._health.is_urgent:
            self.hurry()
