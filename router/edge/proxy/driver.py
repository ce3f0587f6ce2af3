"""Python's half of a request: it steps the sequence and returns effects for JavaScript to execute.

1. A sequence that waits for an outcome is stored under its number.
2. The outcome of a `Send` whose answer went to the client comes with the next call, in order
   (`notes`), so health, counts and metrics know it before the next request is decided.
3. A request whose client has gone, and which the runtime has dropped, ends with a note as well. If
   the note does not come, only the last `MAX_UNDER_WAY` are stored.
4. A bug answers 500, and is logged with the request's id. An error in the notes of one request is
   logged, and never fails another.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping

from policies.http.problems import CONTENT_TYPE, Problem
from policies.proxy.memory.memory import Draws
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import (
    Came,
    Carry,
    Charge,
    Forget,
    Own,
    Refresh,
    Respond,
    Send,
    Store,
    Way,
)
from policies.proxy.phases.headers import Trace, trace_from, trace_of
from policies.proxy.sequence import forward, proxy
from policies.resilience.failover import IDEMPOTENT
from router.edge.isolate.isolate import Isolate
from router.edge.isolate.rate_limits import Limiting
from router.edge.proxy.own_pages import INTERNAL, own_page
from router.edge.proxy.repeating import Repeating
from router.edge.proxy.wire import effect_text, parse_outcome, parse_request, send_text
from router.edge.runtime.bridge import JsObject, in_background, now_ms
from router.edge.runtime.faults import error_fields
from workers_runtime.garbage import tidy

MAX_UNDER_WAY = 5_000
MAX_SIZE = 8_000_000  # characters of their headers: an isolate has 128 MiB
NO_HEADERS: Mapping[str, str] = {}
FINAL = frozenset({Respond, Carry, Forget, Own, Store})
LOST = Problem("variant-failed", "The backend did not answer.")
DONE = '["done"]'
PREPARE = '["prepare"]'


class UnderWay:
    """One request under way, and the effect that it waits for."""

    __slots__ = ("context", "effect", "limiting", "size", "way", "within")

    def __init__(self, way: Way[None], context: RequestContext) -> None:
        self.way = way
        self.context = context
        self.size = context.arrived.size or 0  # characters of its headers
        self.effect: object = None
        self.limiting: Limiting | None = None
        # the charging of limits, which has effects of its own
        self.within: Way[object] | None = None


class Driver:
    """The functions that `driver.js` calls."""

    def __init__(self, isolate: Isolate, repeating: Repeating) -> None:
        self._isolate = isolate
        self._repeating = repeating
        self._under_way: dict[int, UnderWay] = {}
        self._size = 0  # of all that are under way
        self._number = 0

    def decide(self, request: str, notes: str, drawn: float) -> str:
        """Decide about a new request. Returns four parts, a line each: the chores that are due;
        when the next ones are; how the decision may be repeated; an effect. `drawn`: the random
        number that chooses a share of a split, if JavaScript has drawn it; else -1."""
        tidy()
        isolate, chores, due_ms, repeatable = self._isolate, "", 0.0, ""
        headers: Mapping[str, str] = {}
        try:
            if notes:
                self._note(notes)
            arrived = parse_request(request)
            headers = arrived.headers
            if not isolate.store.ready:
                isolate.store.is_due(arrived.now_ms)
                return f"\n0\n\n{PREPARE}"
            due_ms = isolate.due_ms
            if arrived.now_ms >= due_ms:
                chores = isolate.chores(arrived.now_ms)
                due_ms = isolate.due_ms
            effect, repeatable = self._decide(arrived, _number_or_none(drawn))
        except Exception as error:
            effect = self._broken(error, trace_of(headers, isolate.rng))
        return f"{chores}\n{due_ms:.0f}\n{repeatable}\n{effect}"

    def _decide(self, arrived: Arrived, first: float | None = None) -> tuple[str, str]:
        isolate = self._isolate
        self._repeating.look(arrived.now_ms)
        draws = Draws(isolate.rng, first)
        # Draws as `Random` does, without being one.
        context = RequestContext(isolate, isolate.store.policy, arrived, draws)  # type: ignore[arg-type]
        context.trace = trace_from(arrived.headers, isolate.digits.next())
        isolate.count("decisions", "python")
        run = UnderWay(proxy(context), context)
        effect = self._begin(run)
        if type(run.effect) is not Send or not self._repeating.is_on:
            return effect, ""
        return effect, self._repeating.remember(context, run.effect, draws, run.limiting)

    def retake(self, template: int, request: str, ids: str, outcome: str, notes: str) -> str:
        """The next effect of a request for which JavaScript has repeated a decision, after the
        outcome of its attempt. `ids`: its id, its trace, and the limit headers of its answer, a
        line each."""
        trace = None
        try:
            if notes:
                self._note(notes)
            arrived, found = parse_request(request), self._repeating.find(template)
            if found is None:
                return self._lost(arrived)
            request_id, traceparent, ratelimit = ids.split("\n")
            trace = Trace(request_id, traceparent, continued=False)
            self._repeating.count(found)
            context = self._repeating.again(found, arrived, trace, ratelimit)
            run = UnderWay(forward(context), context)
            self._begin(run)
            self._pop(self._number)
            return self._go_on(self._number, run, parse_outcome(run.effect, outcome))
        except Exception as error:
            return self._broken(error, trace)
        finally:
            self.look()

    def _lost(self, arrived: Arrived) -> str:
        """A repeated decision has failed, and its template is forgotten: decide anew if another
        attempt is safe."""
        if arrived.method in IDEMPOTENT and not arrived.has_body:
            return self._decide(arrived)[0]
        return self._gone(arrived.headers)

    def _gone(self, headers: Mapping[str, str] = NO_HEADERS) -> str:
        """The answer to a request whose state was dropped."""
        self._isolate.count("requests", "", "", LOST.status)
        request_id = trace_of(headers, self._isolate.rng).request_id
        return effect_text(0, _problem(LOST, request_id))

    def check(self, template: int, request: str, drawn: float, purses: str) -> str:
        """Decide anew what JavaScript is about to repeat. Returns "" if the decision is the same,
        else the difference; then this isolate repeats no more decisions. `purses`: the numbers of
        the leases that JavaScript has charged."""
        try:
            arrived, charged = parse_request(request), [int(purse) for purse in purses.split()]
            differs = self._repeating.differs(template, arrived, _number_or_none(drawn), charged)
        except Exception as error:
            differs = str(error_fields(error))
        if differs:
            self._repeating.stop()
            self._isolate.count("memory_differences")
            found = self._repeating.find(template)
            fields = {"remembered": repr(found and found.likeness), "decided": differs}
            self._isolate.log("memory-difference", fields)
        return differs

    def heard(self, notes: str) -> None:
        """Take notes that have gathered without a new request. `notes`: "" if a request has brought
        them meanwhile."""
        if notes:
            self._note(notes)
            self.look()

    def look(self) -> None:
        """Check whether the state that decisions depend on has changed."""
        self._repeating.look(now_ms())

    def resume(self, number: int, outcome: str, notes: str) -> str:
        """The next effect of that request, after the outcome of its last one."""
        run = None
        try:
            if notes:
                self._note(notes)
            run = self._pop(number)
            if run is None:
                return self._gone()
            return self._go_on(number, run, parse_outcome(run.effect, outcome))
        except Exception as error:
            return self._broken(error, run.context.trace if run else None)
        finally:
            self.look()

    def do_chores(self, chores: str, colo: str, env: JsObject, ctx: JsObject) -> None:
        """Start the chores that `decide` named, after the answer."""
        for work in self._isolate.work(chores, colo, env):
            in_background(ctx, self._then_look(work))

    async def prepare(self, env: JsObject, ctx: JsObject) -> None:
        """Read the policy from KV for the first time."""
        await self._isolate.prepare(env, ctx)

    async def learn(self, colo: str, env: JsObject) -> None:
        """Learn the weights of rollouts, before anything is decided."""
        await self._then_look(self._isolate.learn_rollouts(colo, env))

    def own_page(self, text: str, request: JsObject, env: JsObject, _: JsObject) -> JsObject:
        """One of the router's own pages. It may wait, since it has a stack of its own."""
        try:
            return own_page(self._isolate, text, request, env)
        finally:
            self.look()

    async def _then_look(self, work: Coroutine[object, None, None]) -> None:
        await work
        self.look()

    def failed(self, name: str, message: str) -> str:
        """The answer when JavaScript itself has failed."""
        return self._internal_error(None, {"error": name, "message": message[:200]})

    def _begin(self, run: UnderWay) -> str:
        self._number = number = self._number + 1
        return self._go_on(number, run, None)

    def _go_on(self, number: int, run: UnderWay, outcome: object) -> str:
        """Step the sequence until JavaScript has something to do."""
        effect = self._step(run, outcome)
        if type(effect) is Send:
            run.effect = effect
            self._keep(number, run)
            return send_text(number, effect)
        if effect is None:
            return DONE
        if type(effect) is Refresh:
            background = self._begin(UnderWay(effect.way, run.context))
            return json.dumps(["with", number, background, self._go_on(number, run, None)])
        if type(effect) not in FINAL:
            run.effect = effect
            self._keep(number, run)
        return effect_text(number, effect)

    def _keep(self, number: int, run: UnderWay) -> None:
        under_way = self._under_way
        under_way[number] = run
        self._size += run.size
        while self._size > MAX_SIZE or len(under_way) > MAX_UNDER_WAY:
            self._pop(next(iter(under_way)))

    def _pop(self, number: int) -> UnderWay | None:
        run = self._under_way.pop(number, None)
        if run is not None:
            self._size -= run.size
        return run

    def _step(self, run: UnderWay, outcome: object) -> object:
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
        """Record the outcomes of answers that their clients have, and of mirrored requests."""
        for line in notes.split("\n"):
            try:
                self._learn(*line.split(" "))
            except Exception as error:  # the request that brings the note is not at fault
                self._isolate.log("internal-error", error_fields(error))

    def _learn(self, kind: str, *words: str) -> None:
        if kind == "ok":
            self._answered(int(words[0]), int(words[1]), float(words[2]))
        elif kind == "again":
            template, began, status, now = words
            self._repeating.answered(int(template), float(began), int(status), float(now))
        elif kind == "gone":
            self._pop(int(words[0]))
        elif kind == "broke":
            self._isolate.record_broken_answer(words[0], float(words[1]), words[2])
        else:
            self._isolate.count_copy(words[0], int(words[1]), float(words[2]))

    def _answered(self, number: int, status: int, now_ms: float) -> None:
        """The answer to a `Send` was good, and the client has it."""
        run = self._pop(number)
        if run is not None:
            left = self._step(run, Came(now_ms, status))
            assert left is None, "a sequence ends with an answer that is carried"

    def _broken(self, error: Exception, trace: Trace | None) -> str:
        return self._internal_error(trace, error_fields(error))

    def _internal_error(self, trace: Trace | None, fields: dict[str, object]) -> str:
        """The answer to a request of that trace; `told`: what the log says of the bug."""
        isolate = self._isolate
        request_id = (trace or trace_of({}, isolate.rng)).request_id
        isolate.count("requests", "", "", INTERNAL.status)
        isolate.log("internal-error", {"request_id": request_id, **fields})
        return effect_text(0, _problem(INTERNAL, request_id))


def _number_or_none(drawn: float) -> float | None:
    return drawn if drawn >= 0 else None


def _problem(problem: Problem, request_id: str) -> Respond:
    headers = [("content-type", CONTENT_TYPE), ("x-request-id", request_id)]
    return Respond(problem.status, headers, problem.body(request_id))
