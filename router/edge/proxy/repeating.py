"""Python's side of the decisions that JavaScript repeats by itself (`memory.js`).

1. A template is a decision without the parts that differ in each request: its ids, the client's
   address, the time. Requests that are decided alike share a template.
2. The outcome of a repeated decision is recorded as if Python had decided.
3. Nothing is repeated while a variant is unavailable or a drill runs. `_state_of` names the state
   that decisions depend on: when it changes, all templates are forgotten. Attempts under way find
   theirs among those forgotten last.
4. Of more than `MAX_TEMPLATES` those used longest ago are dropped: of two generations the old one,
   but for templates used since it became old.
5. A check decides anew, with the same policy and without effects, and compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from copy import copy
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple, cast

from policies.access.lease import Reclaim
from policies.access.rate_limits import Limit
from policies.balancing.choose import read_target
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import Problem
from policies.http.request import Request
from policies.proxy.attempts.outcomes import logging, record_outcome
from policies.proxy.decide import GivenState, Surroundings
from policies.proxy.memory.likeness import likeness_of
from policies.proxy.memory.memory import PLAIN, Draws, looked_at, remembered
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import Came, Charge, Charged, Send
from policies.proxy.phases.headers import Trace
from policies.proxy.sequence import proxy
from policies.rollouts.overrides import OverridesByRoute
from router.edge.isolate.isolate import Isolate
from router.edge.isolate.rate_limits import Limiting, keyed

MAX_TEMPLATES = 2_000


class Template(NamedTuple):
    """A decision: the context of the request that it was made for (without its headers, which
    clients choose), its first variant, and its `Send`."""

    number: int
    context: RequestContext
    variant: Variant
    send: Send
    likeness: Hashable


class Repeating:
    """`forget` makes JavaScript forget all decisions, and says which parts of a request decisions
    depend on from now on (JSON; "": nothing may be repeated now); `drop` makes it forget the
    templates of these numbers; `reclaim` takes back the rest of a lease that it counts down.
    `may_repeat`: the operator has not turned it off; `most`: the number of templates."""

    def __init__(
        self,
        isolate: Isolate,
        forget: Callable[[str], None],
        drop: Callable[[str], None],
        reclaim: Reclaim,
        *,
        may_repeat: bool = True,
        most: int = MAX_TEMPLATES,
    ) -> None:
        self._isolate = isolate
        self._may_repeat = may_repeat
        self._most = most
        self._forget, self._drop = forget, drop
        self._reclaim = reclaim
        self._state: object = None
        self._policy = isolate.store.policy
        self.is_on = False
        self._templates: dict[int, Template] = {}
        self._older: dict[int, Template] = {}
        self._forgotten: dict[int, Template] = {}
        self._by_likeness: dict[Hashable, Template] = {}
        self._number = 0

    def look(self, now_ms: float) -> None:
        """Forget all templates if the state that decisions depend on has changed."""
        if not (self._may_repeat or self.is_on or self._forgotten):
            return
        state = self._state_of(now_ms)
        if state == self._state:
            return
        self._state = state
        policy, is_calm, _ = state
        self.is_on = is_calm
        self._keep_forgotten(policy)
        self._templates, self._older, self._by_likeness = {}, {}, {}
        if not is_calm:
            self._forget("")
            return
        looked = looked_at(policy, self._isolate.rollout_overrides(policy))
        self._forget(json.dumps([PLAIN.pattern, *looked]))

    def _keep_forgotten(self, policy: CompiledPolicy) -> None:
        """Keep forgotten templates for the requests under way, also if health changes several times
        meanwhile; but only of the current policy and the one before."""
        found = self._forgotten
        if policy is not self._policy:
            found = {n: t for n, t in found.items() if t.context.policy is self._policy}
            self._policy = policy
        found = {**found, **self._older, **self._templates}
        self._forgotten = dict(list(found.items())[-self._most :])

    def _state_of(self, now_ms: float) -> tuple[CompiledPolicy, bool, OverridesByRoute]:
        isolate = self._isolate
        policy = isolate.store.policy
        is_calm = self._may_repeat and isolate.store.ready and not isolate.drills
        is_calm = is_calm and isolate.availability(policy, now_ms) is None
        return policy, is_calm, isolate.rollout_overrides(policy)

    def remember(
        self, context: RequestContext, send: Send, draws: Draws, limiting: Limiting | None
    ) -> str:
        """How JavaScript may repeat `send`, as JSON: the template's number, until when (null: for
        ever), the scope and whether it is a prefix, the index of the choice, the weights of the
        choices, and the lent leases. Returns "" if it may not."""
        is_leased = limiting is not None and limiting.is_leased
        found = remembered(context, send, draws, is_leased=is_leased)
        if found is None:
            return ""
        template = self._template(context, send)
        until_ms = "null" if found.until_ms == inf else found.until_ms
        path, is_prefix = found.scope  # a plain path, which needs no escapes
        weights, lent = [*found.weights], limiting.lend(self._reclaim) if limiting else []
        scope = f'"{path}",{"true" if is_prefix else "false"}'
        leases = json.dumps(lent) if lent else "[]"
        return f"[{template.number},{until_ms},{scope},{found.choice},{weights},{leases}]"

    def _template(self, context: RequestContext, send: Send) -> Template:
        likeness = likeness_of(context, send)
        found = self._by_likeness.get(likeness)
        if found is None:
            choice = context.choice
            self._number += 1
            context_without_headers = _without_headers(context)
            found = Template(
                self._number, context_without_headers, choice.candidates[0], send, likeness
            )
            self._by_likeness[likeness] = found
            self._put(found)
        elif found.number in self._older:
            self._put(found)
        return found

    def _put(self, template: Template) -> None:
        """Put a template into the young generation."""
        self._older.pop(template.number, None)
        if len(self._templates) >= self._most // 2:
            dropped, self._older, self._templates = self._older, self._templates, {}
            self._drop_all(dropped)
        self._templates[template.number] = template

    def _drop_all(self, dropped: dict[int, Template]) -> None:
        """Drop templates; attempts under way may still find them."""
        if not dropped:
            return
        for template in dropped.values():
            del self._by_likeness[template.likeness]
        self._forgotten = dict(list({**self._forgotten, **dropped}.items())[-self._most :])
        self._drop(" ".join(map(str, dropped)))

    def stop(self) -> None:
        """Stop repeating, after a wrong repetition: from the next `look` on nothing is
        remembered."""
        self._may_repeat = False

    def find(self, number: int) -> Template | None:
        found = self._templates.get(number)
        if found is not None:
            return found
        found = self._older.get(number)
        if found is not None:
            self._put(found)
            return found
        return self._forgotten.get(number)

    def answered(self, number: int, began_ms: float, status: int, now_ms: float) -> None:
        """Record the good outcome of a repeated decision."""
        template = self.find(number)
        if template is None:
            return
        context, state = template.context, self._isolate
        route = template.context.route
        assert route, "it has been routed"
        state.retries[route.name].request(began_ms)
        came = Came(now_ms, status)
        record_outcome(context, template.variant, 1, began_ms, template.send, came)
        logging(context, template.variant.name, status)
        self.count(template)

    def count(self, template: Template) -> None:
        """Count a repeated decision, which limits have allowed."""
        self._isolate.count("decisions", "memory")
        route = template.context.route
        limits = route.rate_limits if route else None
        for limit in limits.before + limits.after if limits else ():
            self._isolate.count("rate_limits", limit.name, "allowed")

    def again(
        self, template: Template, arrived: Arrived, trace: Trace, ratelimit: str
    ) -> RequestContext:
        """The context of another request with the same decision. `ratelimit`: the limit header of
        its answer, if it has limits."""
        past = template.context
        context = RequestContext(self._isolate, past.policy, arrived, self._isolate.rng)
        target = read_target(past.policy, arrived.url, arrived.headers)
        assert not isinstance(target, Problem), "its URL is plain"
        context.request = Request(
            arrived.method, target, arrived.headers, arrived.client, arrived.claims
        )
        context.trace, context.rule, context.route = trace, past.rule, past.route
        context.admitted, context.identity = past.admitted, past.identity
        context.choice = past.choice
        context.limit_headers = (
            {**past.limit_headers, "ratelimit": ratelimit} if past.limit_headers else {}
        )
        context.is_repeated = True
        return context

    def differs(
        self, number: int, arrived: Arrived, first: float | None, purses: Sequence[int]
    ) -> str:
        """How Python's decision differs from the repeated one; "" if it does not. `purses`: the
        leases that JavaScript has charged."""
        template = self.find(number)
        if template is None or number not in self._templates:  # `find` has put it there
            return ""  # it has just been forgotten
        isolate, policy = self._isolate, self._isolate.store.policy
        availability = isolate.availability(policy, arrived.now_ms)
        rollout_overrides = isolate.rollout_overrides(policy)
        around = Surroundings(
            arrived.now_ms, isolate.pepper, availability, rollout_overrides, isolate.cookie_secret
        )
        draws = Draws(isolate.rng, first)
        context = RequestContext(GivenState(around), policy, arrived, cast(Any, draws))
        context.trace = Trace("", "", continued=False)
        way = proxy(context)
        effect, charged = next(way), list[tuple[Limit, str]]()
        while isinstance(effect, Charge):
            route = context.route.name if context.route else ""
            charged += keyed(effect.limits, effect.identity, context.request, route)
            effect = way.send(Charged(None, template.context.limit_headers))
        if not isinstance(effect, Send):
            return type(effect).__name__
        likeness = likeness_of(context, effect)
        if likeness != template.likeness:
            return repr(likeness)
        if not self._are_charged(purses, charged):
            return f"keys of {', '.join(limit.name for limit, _ in charged)}"  # never a key itself
        return ""

    def _are_charged(self, purses: Sequence[int], charged: list[tuple[Limit, str]]) -> bool:
        """Whether these purses are those of the keys that a request is charged to."""
        if len(purses) != len(charged):
            return False
        limits = self._isolate.limits
        return all(
            limits.is_lent(purse, *limit_key)
            for purse, limit_key in zip(purses, charged, strict=True)
        )


def _without_headers(context: RequestContext) -> RequestContext:
    bare = copy(context)
    bare.arrived = context.arrived._replace(headers={}, url="", claims=())
    bare.request = replace(context.request, headers={}, claims=())
    return bare
