"""A drill from its baseline to its recovery, while clients go on asking.

- The drill gets its end when it is started, so it ends even if this process is killed.
  Whatever goes wrong here, it is stopped on the way out.
- What happens is written to `Course` at once, so that a run that breaks off can be told.
- The router's own pages are asked in threads: traffic waits for none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policies.decisions.durations import duration_text
from policies.drill_plan.model import Plan
from policies.drill_plan.outcomes import Marks, Run
from router.api.client import Client, Refused
from router.api.refusal import gap_texts
from router.drill.survey import Surveyed
from router.drill.traffic import Clients
from router.terminal.errors import Failed

TELL_S = 1.0  # between two lines of progress
WATCH_S = 2.0  # between two looks whether the drill is still on
END_GRACE_S = 3.0  # after its time, until the router no longer calls it active

EARLY = {
    "nothing left": "real failures would have left a route with nothing",
    "policy": "the policy that serves now has no such target",
}


@dataclass(slots=True)
class Course:
    """What has happened so far, in seconds since the traffic began."""

    began: float | None = None
    ended: float | None = None
    drill: dict[str, Any] | None = None  # as the router told it
    is_over: bool = False  # the drill, as the router has confirmed
    finished: float | None = None  # when all phases had been gone through
    trouble: str = ""  # why this is not the run that was planned
    notes: list[str] = field(default_factory=list)

    @property
    def phase(self) -> str:
        if self.ended is not None:
            return "recovery"
        return "baseline" if self.began is None else "failure"


Tell = Callable[[Course, Clients], None]


class Conductor:
    """Takes one plan through its phases, once; `tell` is called about once a second."""

    def __init__(self, plan: Plan, client: Client, router: Surveyed, tell: Tell) -> None:
        self.course = Course()
        self.clients = Clients(router.url, plan.traffic)
        self._plan = plan
        self._client = client
        self._router = router
        self._tell = tell
        self._driving: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[Any] | None = None

    def seen(self) -> Run:
        """What clients have seen until now."""
        course, clients = self.course, self.clients
        end = clients.end if course.finished is None else course.finished
        outcomes = sorted(each for each in clients.outcomes if each.at < end)
        missed = [at for at in clients.not_started if at < end]
        complete = course.finished is not None and not course.trouble
        marks = Marks(course.began, course.ended, end)
        return Run(outcomes, missed, marks, self._router.targets, complete)

    async def run(self) -> None:
        """All phases. What goes wrong with the router ends them; the course tells it."""
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
        known = any(each.variant for each in outcomes)
        if known and all(each.variant not in self._router.targets for each in outcomes):
            raise Failed(
                f"{self._plan.drill.target} answered none of the {len(outcomes):,} requests of "
                "the baseline, so a drill would show nothing: let the plan send what it serves"
            )

    async def _failure(self) -> None:
        drill, length = self._plan.drill, self._plan.phases.failure
        asked_at = self.clients.now  # it cannot have begun earlier
        told = await self._start_drill(
            {
                drill.target.kind: drill.target.name,
                "mode": drill.mode.text,
                "for": duration_text(length),
                "force": drill.force,
            }
        )
        self.course.began = asked_at
        watching = asyncio.create_task(self._watch(told["id"]))
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
            self.course.notes.append(f"what the router is now could not be asked: {error}")
            return end
        finally:
            checking.cancel()
        if digest != self._router.digest:
            what = "another policy was pushed during the run, and serves now"
            self.course.notes.append(f"{what}: {digest[:12]}")
        return end

    async def _go_on(self, until: float, unless: asyncio.Task[Any] | None = None) -> None:
        """Let the traffic flow and tell of it, until a moment or until `unless` is done."""
        awaited = {task for task in (self._driving, unless) if task}
        while (left := until - self.clients.now) > 0:
            whole = TELL_S - self.clients.now % TELL_S
            step = min(left, whole)
            await asyncio.wait(awaited, timeout=step, return_when=asyncio.FIRST_COMPLETED)
            if self._driving and self._driving.done():
                self._driving.result()  # which tells why there is no traffic any more
            if unless and unless.done():
                return
            if step == whole:
                self._tell(self.course, self.clients)

    async def _start_drill(self, document: dict[str, Any]) -> dict[str, Any]:
        """An interrupt does not lose the answer, since it says which drill to stop."""
        asking = asyncio.to_thread(self._client.post, "drills", document)
        self._starting = asyncio.create_task(asking)
        try:
            told: dict[str, Any] = await asyncio.shield(self._starting)
        except Refused as error:
            gaps = gap_texts(error.document)
            if not gaps:
                raise
            whom = "; ".join(gaps)
            raise Failed(f"the drill is refused: no variant would be left for {whom}") from None
        self.course.drill = told
        return told

    async def _watch(self, drill_id: str) -> dict[str, Any]:
        """Return when the drill is no longer active, with what is told of its end."""
        while True:
            await asyncio.sleep(WATCH_S)
            with suppress(Failed):  # the traffic shows what that means for clients
                told = await self._ask("drills")
                if all(each["id"] != drill_id for each in told["active"]):
                    past = (each for each in told["past"] if each["id"] == drill_id)
                    return next(past, {"why": "forgotten"})

    def _note_early_end(self, told: dict[str, Any], asked_at: float) -> None:
        self.course.is_over = True
        if told["why"] == "time":
            return
        who = f"{told.get('ended_by') or 'somebody'} stopped it"
        why = EARLY.get(told["why"], who if told["why"] == "stopped" else told["why"])
        self.course.trouble = f"the drill ended before its time: {why}"
        self.course.ended = self.clients.now
        if "ended_at" in told:
            began, ended = (datetime.fromisoformat(told[f"{n}_at"]) for n in ("started", "ended"))
            self.course.ended = asked_at + (ended - began).total_seconds()

    async def _check_over(self, grace: float) -> None:
        """A drill that has not ended by itself is worth knowing of, and is stopped."""
        await asyncio.sleep(grace)
        told = await self._ask("drills")
        if any(each["id"] == (self.course.drill or {}).get("id") for each in told["active"]):
            self.course.trouble = "the drill did not end by itself when its time had passed"
            await self._stop_drill()
        self.course.is_over = True

    async def _ask(self, page: str) -> dict[str, Any]:
        told: dict[str, Any] = await asyncio.to_thread(self._client.get, page)
        return told

    async def _stop_drill(self) -> None:
        """Once there is one, and unless it is over."""
        if self._starting is None or self.course.is_over:
            return
        with suppress(Failed):
            told = await self._starting
            await asyncio.to_thread(self._client.delete, f"drills/{told['id']}")
            self.course.is_over = True
