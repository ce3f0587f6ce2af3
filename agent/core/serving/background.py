"""Background work: after a response (`run`, `deliver`), and on a schedule (`tick`)."""

from __future__ import annotations

from collections.abc import Callable

from agent.core.isolate.agent import Agent
from agent.core.jobs.running import run_waiting
from agent.workers.worker import KEPT_MS

# A Worker may go on for 30 s after its answer; what begins later would be cut off.
RUN_FOR_MS = 10_000
TICK_FOR_MS = 40_000  # the next tick comes in a minute
ROUNDS = 50  # of batches, in one tick


class Slots:
    """Limits how many callers do something at once. One that finds no free slot makes a running one
    look for work again.

    A slot whose work has not ended in time is over: its request was cut off."""

    def __init__(self, most: int, lasts_ms: float) -> None:
        self._most = most
        self._lasts_ms = lasts_ms
        self._began: list[float] = []
        self._is_missed = False

    def begin(self, now_ms: float) -> bool:
        self._began = [began for began in self._began if now_ms - began < self._lasts_ms]
        if len(self._began) >= self._most:
            self._is_missed = True
            return False
        self._began.append(now_ms)
        return True

    def end(self, began_ms: float) -> bool:
        """Frees the slot. Returns whether a caller found none meanwhile."""
        if began_ms in self._began:
            self._began.remove(began_ms)
        missed, self._is_missed = self._is_missed, False
        return missed


def run(agent: Agent, slots: Slots) -> None:
    """Runs waiting jobs of the agent. Their callbacks are sent by another request, since this one
    may have no time left."""
    until = agent.now() + RUN_FOR_MS

    def work() -> None:
        if run_waiting(agent, until):
            agent.soon("deliver")

    _in_slot(agent, slots, until, work)


def deliver(agent: Agent, slots: Slots) -> None:
    """Sends the callbacks that are due."""
    until = agent.now() + RUN_FOR_MS
    _in_slot(agent, slots, until, lambda: _deliver(agent, until))


def _in_slot(agent: Agent, slots: Slots, until: float, work: Callable[[], None]) -> None:
    is_due = True
    while is_due and agent.now() < until:
        began = agent.now()
        if not slots.begin(began):
            return
        try:
            work()
        finally:
            is_due = slots.end(began)


def _deliver(agent: Agent, until: float) -> None:
    while agent.now() < until and agent.deliver(until - agent.now()):
        pass


def tick(agent: Agent) -> None:
    """Returns lost leases, marks lost workers, runs waiting jobs, sends due callbacks, and deletes
    old rows. Each step runs even if an earlier one failed; the first failure is raised at the
    end."""
    now = round(agent.now())
    failures: list[Exception] = []
    for step in (_return_lost, _mark_lost_workers, _run_for_a_while, _deliver_for_a_while, _forget):
        try:
            step(agent, now)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


def _return_lost(agent: Agent, now: int) -> None:
    for _ in range(ROUNDS):
        lost = agent.wait(agent.jobs().return_lost(now))
        for key in lost.failed:
            agent.log({"event": "dead-letter", "tenant": key.tenant, "job": key.id})
        if not lost.waiting and not lost.failed:
            break


def _mark_lost_workers(agent: Agent, now: int) -> None:
    for _ in range(ROUNDS):
        gone = agent.wait(agent.workers().mark_lost(now))
        for worker in gone:
            agent.log({"event": "worker-lost", "tenant": worker.tenant, "worker": worker.id})
        if not gone:
            break


def _run_for_a_while(agent: Agent, now: int) -> None:
    run_waiting(agent, now + TICK_FOR_MS)


def _deliver_for_a_while(agent: Agent, now: int) -> None:
    """Runs for its full time, however long the jobs took."""
    _deliver(agent, agent.now() + RUN_FOR_MS)


def _forget(agent: Agent, now: int) -> None:
    before = now - agent.settings.retention_ms
    for forget, before_ms in (
        (agent.jobs().forget, before),
        (agent.records().forget, before),
        (agent.agents().forget, before),
        (agent.workers().forget, now - KEPT_MS),
    ):
        for _ in range(ROUNDS):
            if not agent.wait(forget(before_ms)):
                break
