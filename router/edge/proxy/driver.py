"""Python's half of a request's way: it steps the sequence and tells JavaScript what to do.

1. A way that waits for something is kept under its number, until its outcome comes.
2. A `Send` whose answer went to the client tells its outcome with the next call, in order
   (`notes`): so health, counts and metrics know it before the next request is decided.
3. Of ways whose outcome never comes, since the client has gone and the runtime has dropped
   the request, only the last `MAX_UNDER_WAY` are kept.
4. A bug here answers 500, and is logged; it never reaches another request.
"""

from __future__ import annotations

import json
from typing import Any

from policies.decisions.headers import trace_of
from policies.decisions.problems import CONTENT_TYPE, Problem
from policies.proxy.context import RequestContext
from policies.proxy.effects import (
    Answer,
    Came,
    Carry,
    Charge,
    Forget,
    Own,
    Refresh,
    Store,
    Way,
)
from policies.proxy.sequence import proxy
from router.edge.faults import described
from router.edge.garbage import tidy
from router.edge.isolate import Isolate
from router.edge.proxy.wire import arrived_from, effect_text, outcome_from
from router.edge.rate_limits import Limiting

MAX_UNDER_WAY = 5_000
FINAL = frozenset({Answer, Carry, Forget, Own, Store})
DONE = '["done"]'
PREPARE = '["prepare"]'
INTERNAL = Problem("internal-error", "The router could not handle this request.")


class UnderWay:
    """One request on its way, and the effect that it waits for."""

    __slots__ = ("context", "effect", "limiting", "way", "within")

    def __init__(self, way: Way[None], context: RequestContext) -> None:
        self.way = way
        self.context = context
        self.effect: Any = None
        self.limiting: Limiting | None = None
        self.within: Way[Any] | None = None  # the charging of limits, which asks for itself


class Driver:
    """What `driver.js` calls."""

    def __init__(self, isolate: Isolate) -> None:
        self._isolate = isolate
        self._under_way: dict[int, UnderWay] = {}
        self._number = 0

    def decide(self, request: str, notes: str) -> str:
        """What to do with a request that has just come: a line of chores, and an effect."""
        tidy()
        chores = ""
        try:
            if notes:
                self._note(notes)
            arrived = arrived_from(request)
            isolate = self._isolate
            if not isolate.store.ready:
                isolate.store.is_due(arrived.now_ms)
                return f"\n{PREPARE}"
            chores = isolate.chores(arrived.now_ms)
            policy = isolate.store.policy
            context = RequestContext(isolate, policy, arrived, isolate.chance)
            return f"{chores}\n{self._begin(UnderWay(proxy(context), context))}"
        except Exception as error:
            return f"{chores}\n{self._broken(error, None)}"

    def resume(self, number: int, outcome: str, notes: str) -> str:
        """What to do next, now that this has come of the last effect of that way."""
        run = None
        try:
            if notes:
                self._note(notes)
            run = self._under_way.pop(number)
            return self._go_on(number, run, outcome_from(run.effect, outcome))
        except Exception as error:
            return self._broken(error, run)

    def failed(self, name: str, message: str) -> str:
        """The answer when JavaScript itself has failed."""
        self._isolate.log("internal-error", {"error": name, "message": message[:200]})
        return self._internal_error(None)

    def _begin(self, run: UnderWay) -> str:
        self._number = number = self._number + 1
        return self._go_on(number, run, None)

    def _go_on(self, number: int, run: UnderWay, outcome: Any) -> str:
        """Step the sequence until JavaScript has something to do."""
        effect = self._step(run, outcome)
        if effect is None:
            return DONE
        if type(effect) is Refresh:
            background = self._begin(UnderWay(effect.way, run.context))
            return json.dumps(["with", number, background, self._go_on(number, run, None)])
        if type(effect) not in FINAL:
            run.effect = effect
            self._under_way[number] = run
            if len(self._under_way) > MAX_UNDER_WAY:
                del self._under_way[next(iter(self._under_way))]
        return effect_text(number, effect)

    def _step(self, run: UnderWay, outcome: Any) -> Any:
        """The next effect that is not for Python; None at the end."""
        while True:
            try:
                if run.within is not None:
                    return run.within.send(outcome)
                effect = run.way.send(outcome)
            except StopIteration as end:
                if run.within is None:
                    return None
                run.within, outcome = None, end.value
                continue
            if type(effect) is not Charge:
                return effect
            if run.limiting is None:
                run.limiting = self._isolate.limiting(run.context)
            run.within, outcome = run.limiting.charge(effect.limits, effect.identity), None

    def _note(self, notes: str) -> None:
        """What has come of answers that are with their clients, and of copies."""
        for line in notes.split("\n"):
            kind, *words = line.split(" ")
            if kind == "ok":
                self._answered(int(words[0]), int(words[1]), float(words[2]))
            elif kind == "broke":
                self._isolate.blame(words[0], float(words[1]), words[2])
            else:
                self._isolate.count_copy(words[0], int(words[1]), float(words[2]))

    def _answered(self, number: int, status: int, now_ms: float) -> None:
        """The answer to a `Send` was good, and the client has it."""
        run = self._under_way.pop(number, None)
        if run is not None:
            left = self._step(run, Came(now_ms, status))
            assert left is None, "a way ends with an answer that is carried"

    def _broken(self, error: Exception, run: UnderWay | None) -> str:
        self._isolate.log("internal-error", described(error))
        return self._internal_error(run)

    def _internal_error(self, run: UnderWay | None) -> str:
        isolate = self._isolate
        isolate.count("requests", "", "", INTERNAL.status)
        request_id = (
            run.context.trace.request_id if run else trace_of({}, isolate.chance).request_id
        )
        headers = [("content-type", CONTENT_TYPE), ("x-request-id", request_id)]
        return effect_text(0, Answer(INTERNAL.status, headers, INTERNAL.body(request_id)))
