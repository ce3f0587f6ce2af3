"""One rollout that has been started: a state machine over time, counts and policy. Its states are
those of `states.py`.

1. A step ends when its time is over and, with an analysis, when a whole interval of it has passed.
   Without data nothing passes, and nothing fails.
2. If the policy changes what the rollout relies on, it holds until an operator decides. It is still
   judged, by the plan that it began with.
3. Weights only grow, until it is rolled back.
4. Every transition is an event, with its reason and the numbers that led to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.basics.transitions import next_state
from policies.compiled.rollout_plan import WHOLE, Check, step_text
from policies.rollouts.analysis import Analysis, Result, Verdict
from policies.rollouts.counts import Counts
from policies.rollouts.documents import event_to_dict
from policies.rollouts.states import ENDED, INITIAL, TRANSITIONS, UNDONE, RolloutEvent, RolloutState
from policies.rollouts.windows import window_at
from policies.rollouts.world import Planned, RolloutContext

if TYPE_CHECKING:
    from policies.api import rollouts as api

SETTLES_MS = 90_000  # longer than a location reads a replaced value from KV
ANSWERED_WITHIN_MS = 5_000  # for the result of a check, after its own timeout
MAX_TRANSITIONS = 3  # in one tick: after a long pause several may be due


class Run:
    """One run. `step` counts from 0. `weight`: the percentage of the new pool; None until the first
    weight: each route keeps the policy's share."""

    def __init__(self, run_id: str, planned: Planned, now_ms: int, by: str) -> None:
        self.id, self.by = run_id, by
        self.plan, self.setting = plan, _ = planned
        self.state = INITIAL
        self.reason = ""
        self.note: str | None = None
        self.started_ms = self.since_ms = self.step_ms = now_ms
        self.step = 0
        self.weight: float | None = None
        self.has_passed = False  # an interval of this step
        self.is_approved = False
        self.is_settled_ms: int | None = None  # since when the policy has splits of its own
        self.edit: str | None = None  # the mark of the policy that it is held for
        self.was: RolloutState | None = None  # before it was held
        self.analysis = Analysis(plan.terms, now_ms) if plan.terms else None
        self.asked_ms: int | None = None  # when the checks of this interval were sent
        self.results: dict[str, Result] = {}
        self.borne: list[str] = []  # the failures of the last interval that were ignored
        self.events: list[api.RolloutEvent] = []

    @property
    def is_active(self) -> bool:
        return self.state not in ENDED

    def tick(self, now_ms: int, world: RolloutContext) -> None:
        """Apply the time, the counts and the policy."""
        planned = world.plans.get(self.plan.name)
        if self.is_active:
            self._look_for_edits(planned, now_ms)
            self._judge(now_ms, world)
        else:
            self._look_whether_settled(planned, now_ms)
        for _ in range(MAX_TRANSITIONS):
            if self.state is not RolloutState.RUNNING or not self._may_go_on(now_ms):
                return
            self._go_on(now_ms)

    def guard(self, now_ms: int, world: RolloutContext) -> None:
        """Only judge the run, and roll it back or hold it if it has failed."""
        if self.is_active:
            self._judge(now_ms, world)

    def enter(self, step: int, now_ms: int) -> None:
        """Begin a step."""
        self.step, self.step_ms = step, now_ms
        self.has_passed = self.is_approved = False
        entered = self.plan.steps[step]
        if entered.kind == "weight":
            self.weight = max(entered.value, self.weight or 0.0)
        self._restart(now_ms)

    def may(self, event: RolloutEvent) -> bool:
        return (self.state, event) in TRANSITIONS

    def move(self, event: RolloutEvent, now_ms: int, reason: str) -> None:
        self.state = next_state(TRANSITIONS, self.state, event)
        self.since_ms, self.reason = now_ms, reason
        if self.state is RolloutState.ROLLED_BACK:
            self.weight = 0.0
        elif self.state is RolloutState.SUCCEEDED:
            self.weight = WHOLE

    def tell(
        self, event: str, now_ms: int, before: float | None, by: str | None = None, **more: object
    ) -> None:
        event_document = event_to_dict(self, event, now_ms, before)
        event_document["by"] = by
        event_document.update(cast("api.RolloutEvent", more))
        self.events.append(event_document)

    def hear(self, side: str, counts: Counts) -> None:
        if self.analysis and self.is_active:
            self.analysis.hear(side, counts)

    def asks(self, now_ms: int) -> tuple[Check, ...]:
        """Return the checks to send now, and note that they were sent."""
        terms = self.plan.terms
        if not terms or not terms.checks or not self._is_judged(now_ms) or self.asked_ms:
            return ()
        self.asked_ms, self.results = now_ms, {}  # late results of the last step are dropped
        return terms.checks

    def answer(self, check: str, result: Result) -> None:
        self.results[check] = result

    def next_ms(self, now_ms: int, *, is_idle: bool) -> int | None:
        """Return the time of the next change that needs no caller. `is_idle`: no requests come."""
        if not self.is_active:
            settled = self.is_settled_ms
            return None if settled is None else settled + SETTLES_MS
        if self.analysis and not is_idle:
            return self.analysis.due_ms
        if self.state is not RolloutState.RUNNING or (self.analysis and not self.has_passed):
            return None
        over = max(now_ms, self.step_ms + self.plan.steps[self.step].hold_ms)
        return window_at(self.plan.windows, over).next_ms or over

    def _restart(self, now_ms: int) -> None:
        """Begin a new interval of the analysis."""
        self.asked_ms, self.results = None, {}
        if self.analysis:
            self.analysis.begin(now_ms)

    def _is_judged(self, now_ms: int) -> bool:
        return bool(self.analysis and self.is_active and now_ms >= self.analysis.due_ms)

    def _judge(self, now_ms: int, world: RolloutContext) -> None:
        analysis, terms = self.analysis, self.plan.terms
        if not analysis or not terms or not self._is_judged(now_ms):
            return
        results = self._results(now_ms)
        if results is None:
            return
        verdict = analysis.judge(
            now_ms,
            is_whole=self.weight is not None and self.weight >= WHOLE,
            is_out=self._is_out(world),
            results=results,
        )
        self.asked_ms, self.results = None, {}
        if verdict.word != "no-data":
            self.has_passed = verdict.word == "passed" or (
                verdict.word == "failed" and terms.dry_run
            )
        if verdict.word == "failed":
            self._fail(verdict, now_ms)
        elif verdict.word == "passed":
            self.borne = []

    def _results(self, now_ms: int) -> dict[str, Result] | None:
        """Return the results of the checks; None while some may still come."""
        checks = self.plan.terms.checks if self.plan.terms else ()
        if not checks:
            return {}
        if self.asked_ms is None:
            return None
        late = self.asked_ms + max(check.timeout_ms for check in checks) + ANSWERED_WITHIN_MS
        if len(self.results) < len(checks) and now_ms < late:
            return None
        silence: Result = ("error", "no answer")
        return {check.name: self.results.get(check.name, silence) for check in checks}

    def _is_out(self, world: RolloutContext) -> bool:
        """Return whether the new pool has no healthy variant, for another reason than a drill."""
        pool = [v.name for v in world.variants if v.pool == self.plan.to and not v.drain]
        if any(name in world.drilled for name in pool):
            return False
        return bool(pool) and all(name in world.unwell for name in pool)

    def _fail(self, verdict: Verdict, now_ms: int) -> None:
        """Act on a failed verdict: ignore it, roll back, or hold."""
        terms, before = self.plan.terms, self.weight
        assert self.analysis
        assert terms
        reason = "; ".join(verdict.reasons)
        if terms.dry_run or self.analysis.failures <= terms.failure_limit:
            self._bear(verdict, now_ms)
        elif self.plan.rolls_back:
            self.move(RolloutEvent.FAILED_ROLLBACK, now_ms, reason)
            self.tell("rolled-back", now_ms, before)
        else:
            is_new, self.was = self.state is not RolloutState.HELD, None
            self.move(RolloutEvent.FAILED_HOLD, now_ms, reason)
            if is_new:
                self.tell("held", now_ms, before)

    def _bear(self, verdict: Verdict, now_ms: int) -> None:
        """Ignore a failure. In a dry run, which may fail at every interval, only a failure of
        another kind than the last one is an event."""
        analysis, terms = self.analysis, self.plan.terms
        assert analysis
        assert terms
        kinds = [reason.partition(":")[0] for reason in verdict.reasons]
        if not terms.dry_run or kinds != self.borne:
            said = "dry run: " if terms.dry_run else ""
            reason = said + "; ".join(verdict.reasons)
            self.tell("failed-check", now_ms, self.weight, reason=reason)
        self.borne = kinds
        analysis.bear()

    def _may_go_on(self, now_ms: int) -> bool:
        if now_ms < self.step_ms + self.plan.steps[self.step].hold_ms:
            return False
        if self.analysis and (not self.has_passed or self._is_judged(now_ms)):
            return False  # also while checks are sent, so that no counts are lost
        return window_at(self.plan.windows, now_ms).is_open

    def _go_on(self, now_ms: int) -> None:
        """End the step: wait for approval, begin the next one, or finish."""
        step, before = self.plan.steps[self.step], self.weight
        if step.pause and not self.is_approved:
            self.move(
                RolloutEvent.APPROVAL_NEEDED, now_ms, f"step {self.step + 1} waits for approval"
            )
            self.tell("gate", now_ms, before)
        elif self.step + 1 < len(self.plan.steps):
            self.enter(self.step + 1, now_ms)
            self.move(
                RolloutEvent.STEP_DONE, now_ms, f"step {self.step}, {step_text(step)}, is done"
            )
            self.tell("step", now_ms, before)
        elif self.plan.promotes:
            self.move(RolloutEvent.ALL_STEPS_DONE, now_ms, "all steps are done")
            self.tell("succeeded", now_ms, before)
        else:
            what = "all steps are done; promote it, or roll it back"
            self.move(RolloutEvent.ALL_STEPS_DONE_HOLD, now_ms, what)
            self.tell("gate", now_ms, before)

    def _look_for_edits(self, planned: Planned | None, now_ms: int) -> None:
        mark = planned.setting.mark if planned else ""
        if planned:  # after its end, the policy takes over if it changes from here on
            self.setting = self.setting._replace(splits=planned.setting.splits)
        if mark == self.setting.mark:
            was, self.edit, self.was = self.was, None, None
            if was and self.state is RolloutState.HELD:
                self.move(UNDONE[was], now_ms, "the policy is as it was again")
                self.tell("resumed", now_ms, self.weight)
        elif mark != self.edit:
            self.was = self.state if self.edit is None and self.state in UNDONE else self.was
            self.edit = mark
            what = "edited in" if planned else "taken out of"
            self.move(RolloutEvent.EDITED, now_ms, f"{what} the policy while it was under way")
            self.tell("held", now_ms, self.weight)

    def _look_whether_settled(self, planned: Planned | None, now_ms: int) -> None:
        """Note whether the policy has changed the splits of the routes since the run ended."""
        if planned and planned.setting.splits == self.setting.splits:
            self.is_settled_ms = None
        elif self.is_settled_ms is None:
            self.is_settled_ms = now_ms

    def is_settled(self, now_ms: int) -> bool:
        """Return whether it has ended, and every location has the policy that takes over."""
        since = self.is_settled_ms
        return not self.is_active and since is not None and now_ms >= since + SETTLES_MS
