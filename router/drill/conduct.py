"""Runs a drill from its baseline to its recovery, with steady traffic.

- The drill has its end when it is started, so it ends even if this process is killed. On any
  failure here, it is stopped.
- Events are written to `Course` at once, so that an interrupted run can be reported.
- The router's admin pages are requested in threads, so that the traffic does not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from policies.basics.callers import caller_text
from policies.basics.durations import duration_text
from policies.basics.untyped import JsonObject
from policies.drill_plan.model import DrillPlan
from policies.drill_plan.outcomes import DrillRun, Marks
from router.api.client import AdminClient, Refused
from router.api.refusal import gap_texts
from router.drill.survey import Surveyed
from router.drill.traffic import Clients
from router.terminal.errors import Failed

if TYPE_CHECKING:
    from policies.api.drills import Drill, DrillRequest

TELL_S = 1.0  # between two lines of progress
WATCH_S = 2.0  # between two checks that the drill is still active
END_GRACE_S = 3.0  # after its end, until the router no longer lists it as active

EARLY = {
    "nothing left": "real failures would have left a route without variants",
    "policy": "the current policy has no such target",
}


@dataclass(slots=True)
class Course:
    """The events so far, in seconds since the traffic started."""

    began: float | None = None
    ended: float | None = None
    drill: Drill | None = None  # the router's description
    is_over: bool = False  # the router has confirmed the drill's end
    finished: float | None = None  # when all phases were completed
    trouble: str = ""  # why the run did not go as planned
    notes: list[str] = field(default_factory=list)

    @property
    def phase(self) -> str:
        if self.ended is not None:
            return "recovery"
        return "baseline" if self.began is None else "failure"


Tell = Callable[[Course, Clients], None]


class Conductor:
    """Runs one plan once; `tell` is called about once a second."""

    def __init__(self, plan: DrillPlan, client: AdminClient, router: Surveyed, tell: Tell) -> None:
        self.course = Course()
        self.clients = Clients(router.url, plan.traffic)
        self._plan = plan
        self._client = client
        self._router = router
        self._tell = tell
        self._driving: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[Drill] | None = None

    def outcomes_so_far(self) -> DrillRun:
        """Return the outcomes so far."""
        course, clients = self.course, self.clients
        end = clients.end if course.finished is None else course.finished
        outcomes = sorted(outcome for outcome in clients.outcomes if outcome.at < end)
        missed = [at for at in clients.not_started if at < end]
        complete = course.finished is not None and not course.trouble
        marks = Marks(course.began, course.ended, end)
        return DrillRun(outcomes, missed, marks, self._router.targets, complete)

    async def run(self) -> None:
        """Run all phases. A failure of the router ends them and is noted in the course."""
        async with self.clients:
            self._driving = asyncio.create_task(self.clients.run())
            try:
                await self._baseline()
                await self._failure()
                self.course.finished = await self._recovery()
            except Failed as error:
                self.course.trouble = str(error)
            except asyncio.CancelledError:
                self.course.trouble = "the run was interrupted"
                self._driving.cancel()
                raise
            finally:
                self.clients.stop()
                await self._stop_drill()
                with suppress(asyncio.CancelledError):
                    await self._driving

    async def _baseline(self) -> None:
        await self._go_on(self._plan.phases.baseline / 1000)
        outcomes = self.clients.outcomes
        known = any(outcome.variant for outcome in outcomes)
        if known and all(outcome.variant not in self._router.targets for outcome in outcomes):
            raise Failed(
                f"{self._plan.drill.target} answered none of the {len(outcomes):,} requests of "
                "the baseline, so a drill would show nothing: send requests that it serves"
            )

    async def _failure(self) -> None:
        drill, length = self._plan.drill, self._plan.phases.failure
        asked_at = self.clients.now  # the drill cannot have started earlier
        started = await self._start_drill(
            {
                **drill.target.to_dict(),
                "mode": drill.mode.text,
                "for": duration_text(length),
                "force": drill.force,
            }
        )
        self.course.began = asked_at
        watching = asyncio.create_task(self._watch(started["id"]))
        try:
            await self._go_on(asked_at + length / 1000, watching)
        finally:
            watching.cancel()
        self.course.ended = asked_at + length / 1000
        if watching.done() and not watching.cancelled():
            self._note_early_end(watching.result(), asked_at)

    async def _recovery(self) -> float:
        """When it was over."""
        length = self._plan.phases.recovery / 1000
        end: float = (self.course.ended or 0.0) + length
        checking = asyncio.create_task(self._check_over(min(END_GRACE_S, length / 2)))
        try:
            await self._go_on(end)
            self.clients.stop()
            await checking
            digest = (await self._ask("status"))["policy"]["digest"]
        except Failed as error:
            self.course.notes.append(f"the router's state after the drill is unknown: {error}")
            return end
        finally:
            checking.cancel()
        if digest != self._router.digest:
            what = "another policy was pushed during the run and serves now"
            self.course.notes.append(f"{what}: {digest[:12]}")
        return end

    async def _go_on(self, until: float, unless: asyncio.Task[JsonObject] | None = None) -> None:
        """Report the progress of the traffic until a moment, or until `unless` is done."""
        awaited = {task for task in (self._driving, unless) if task}
        while (left := until - self.clients.now) > 0:
            whole = TELL_S - self.clients.now % TELL_S
            step = min(left, whole)
            await asyncio.wait(awaited, timeout=step, return_when=asyncio.FIRST_COMPLETED)
            if self._driving and self._driving.done():
                self._driving.result()  # raises the reason why the traffic stopped
            if unless and unless.done():
                return
            if step == whole:
                self._tell(self.course, self.clients)

    async def _start_drill(self, document: DrillRequest) -> Drill:
        """Keep the response on an interrupt, since it names the drill to stop."""
        asking = asyncio.to_thread(self._client.post, "drills", document)
        self._starting = asyncio.create_task(asking)
        try:
            drill: Drill = await asyncio.shield(self._starting)
        except Refused as error:
            gaps = gap_texts(error.document)
            if not gaps:
                raise
            whom = "; ".join(gaps)
            raise Failed(f"the drill is refused: no variant would be left for {whom}") from None
        self.course.drill = drill
        return drill

    async def _watch(self, drill_id: str) -> JsonObject:
        """Return when the drill is no longer active, and note why it ended."""
        while True:
            await asyncio.sleep(WATCH_S)
            with suppress(Failed):  # the traffic shows the effect on clients
                drills = await self._ask("drills")
                if all(drill["id"] != drill_id for drill in drills["active"]):
                    past = (drill for drill in drills["past"] if drill["id"] == drill_id)
                    return next(past, {"why": "forgotten"})

    def _note_early_end(self, past: JsonObject, asked_at: float) -> None:
        self.course.is_over = True
        if past["why"] == "time":
            return
        who = f"{caller_text(past.get('ended_by') or 'somebody')} stopped it"
        why = EARLY.get(past["why"], who if past["why"] == "stopped" else past["why"])
        self.course.trouble = f"the drill ended before its time: {why}"
        self.course.ended = self.clients.now
        if "ended_at" in past:
            began, ended = (datetime.fromisoformat(past[f"{n}_at"]) for n in ("started", "ended"))
            self.course.ended = asked_at + (ended - began).total_seconds()

    async def _check_over(self, grace: float) -> None:
        """Stop a drill that has not ended by itself, and note that."""
        await asyncio.sleep(grace)
        drills = await self._ask("drills")
        own = self.course.drill and self.course.drill["id"]
        if any(drill["id"] == own for drill in drills["active"]):
            self.course.trouble = "the drill did not end by itself when its time had passed"
            await self._stop_drill()
        self.course.is_over = True

    async def _ask(self, page: str) -> JsonObject:
        document: JsonObject = await asyncio.to_thread(self._client.get, page)
        return document

    async def _stop_drill(self) -> None:
        """Stop the drill if it has been started and is not over."""
        if self._starting is None or self.course.is_over:
            return
        with suppress(Failed):
            drill = await self._starting
            await asyncio.to_thread(self._client.delete, f"drills/{drill['id']}")
            self.course.is_over = True
