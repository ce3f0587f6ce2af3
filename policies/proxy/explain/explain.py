"""Explains where a request goes, and why: the sequence of the edge, step by step.

The effects are answered here: limits let the request pass, the cache is empty, and the first `Send`
ends the explanation. The result is a plain JSON value. Nothing is random: where the router would
draw a pool, the likeliest one is shown, and the step says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from policies.access.authenticate import Denied, Identity
from policies.access.rate_limits import Limit
from policies.balancing.availability import Availability
from policies.balancing.choose import Fixed, Forward, choose_mirror
from policies.basics.untyped import JsonObject
from policies.compiled.model import Variant
from policies.compiled.policy import CompiledPolicy
from policies.http.changes import Changes, joined
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.proxy.decide import FREE, GivenState, Surroundings
from policies.proxy.explain.texts import (
    cache_text,
    filter_texts,
    hedge_text,
    key_text,
    limit_text,
    pick_text,
    region_text,
    rollout_text,
    split_text,
    variants_text,
)
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import (
    Charge,
    KeepBody,
    KeptBody,
    Mirrored,
    Own,
    Race,
    Respond,
    Send,
    SendCopy,
)
from policies.proxy.phases.outgoing import at_upstream
from policies.proxy.phases.response_filter import carried
from policies.proxy.phases.upstream_request_filter import upstream_request_filter
from policies.proxy.sequence import proxy
from policies.resilience.failover import hedge_to

Explanation = JsonObject


_NEW_KEYS = 100  # enough tries for a key that belongs to the largest share


class _Likeliest(Random):
    """Always the same: `random()` falls into the largest share."""

    def random(self) -> float:
        return 0.0


def explain(
    policy: CompiledPolicy,
    method: str,
    url: str,
    headers: dict[str, str],
    client: Client,
    around: Surroundings,
) -> Explanation:
    """Explain one request: its route, pool, variant, and each step of the way there.

    `headers` has lower-case names; `around` says which variants are not in service. `status` is
    what the client gets; 200 stands for any answer of the variant.
    """
    arrived = Arrived(around.now_ms, method, url, headers, client)
    rng = _Likeliest(0)
    for _ in range(_NEW_KEYS):
        context = RequestContext(GivenState(around), policy, arrived, rng)
        narrator = _Narrator(context, around.availability)
        narrator.tell()
        choice = getattr(context, "choice", None)  # none if the router answers itself
        # For a client that gets a new key: a key of the largest share's.
        if not choice or not choice.new_cookie or choice.share is choice.route.shares[0]:
            break
    return narrator.result


class _Narrator:
    """Runs the sequence up to the answer, and collects the explanation."""

    def __init__(self, context: RequestContext, availability: Availability | None) -> None:
        self.context = context
        self.policy = policy = context.policy
        self.availability = availability
        self.result: Explanation = {
            "status": 200,
            "digest": policy.digest,
            "route": None,
            "rule": None,
            "region": None,
            "rollout": None,
            "pool": None,
            "variant": None,
            "candidates": [],
            "key_id": None,
            "rate_limits": [],
            "forwarded": None,
            "answer": None,
            "response_headers": {"set": {}, "add": [], "remove": []},
            "mirrors": [],
            "steps": [],
        }

    def step(self, name: str, text: str) -> None:
        self.result["steps"].append({"step": name, "text": text})

    def tell(self) -> None:
        """Run the sequence until the router answers, or sends to a variant."""
        way = proxy(self.context)
        effect = next(way)
        while not isinstance(effect, Respond | Own | Send | Race):
            if isinstance(effect, Charge):
                self.reached()
                self.limits(effect.limits, effect.identity)
            effect = way.send(_result_of(effect, self.context.arrived.now_ms))
        way.close()
        self.reached()
        if isinstance(effect, Respond):
            self.answered(effect)
        elif isinstance(effect, Own):
            self.own()
        else:
            self.forward(effect.first if isinstance(effect, Race) else effect)

    def reached(self) -> None:
        """Add the steps that the sequence has taken since the last call."""
        context, steps = self.context, {step["step"] for step in self.result["steps"]}
        if hasattr(context, "request") and "normalise" not in steps:
            target = context.request.target
            self.step("normalise", f"{target.host}{target.path}{target.query}")
        if context.rule and context.route and "match" not in steps:
            self.result |= {"route": context.route.name, "rule": context.rule.text}
            self.step("match", f"route {context.route.name}: {context.rule.text}")
        admitted = context.identity or context.admitted
        if admitted and "authenticate" not in steps:
            self.authenticated(admitted)

    def authenticated(self, admitted: Identity | Denied) -> None:
        if isinstance(admitted, Denied):
            named = f" (key {admitted.key_id})" if admitted.key_id else ""
            self.step("authenticate", f"refused: {admitted.reason}{named}")
            return
        self.step("authenticate", f"key {admitted.key.id}")
        self.result["key_id"] = admitted.key.id

    def answered(self, answer: Respond) -> None:
        """The router itself answers."""
        refusal = self.context.refusal
        headers = joined(answer.headers)
        document: JsonObject = {"status": answer.status, "headers": headers}
        if isinstance(refusal, Problem):
            step = "answer" if self.context.step == "authenticate" else self.context.step
            self.step(step, f"{refusal.status} {refusal.code}: {refusal.detail}")
            del headers["x-request-id"]
            document |= {"code": refusal.code, "detail": refusal.detail}
        elif isinstance(refusal, Fixed):
            where = f": {headers['location']}" if refusal.step == "redirect" else ""
            self.step(refusal.step, f"the router answers {answer.status} at the edge{where}")
            document["body"] = answer.body
        self.result |= {"status": answer.status, "answer": document}

    def own(self) -> None:
        health = self.context.request.target.path == "/.router/health"
        needs = "everybody may ask" if health else "401 without the admin key"
        self.step("own", f"a page of the router itself: {needs}")
        self.result["status"] = 200 if health else 401
        self.result["answer"] = {"status": self.result["status"], "headers": {}}

    def limits(self, limits: Iterable[Limit], identity: Identity | None) -> None:
        """The limits that the request would be charged to. Nothing is charged."""
        for stated in limits:
            limit = stated.of(identity)
            key = limit.key(self.context.request, str(self.result["route"]), identity)
            self.result["rate_limits"].append(limit.describe(key))
            self.step("limit", limit_text(limit, key))

    def forward(self, send: Send) -> None:
        context, request, outcome = self.context, self.context.request, self.context.choice
        route, first = outcome.route, outcome.candidates[0]
        is_first = outcome.pick is not None
        if outcome.pick:
            self.step("override", pick_text(outcome.pick, self.availability))
        if outcome.rollout_override:
            identity = context.identity
            self.result["rollout"] = outcome.rollout_override.rollout
            key_id = identity.key.id if identity else ""
            self.step("rollout", rollout_text(outcome.rollout_override, request, key_id))
            is_first = outcome.rollout_override.takes(request, key_id)
        if not (outcome.pick and outcome.pick.variant):
            self._order(request, outcome, is_first)
        target = at_upstream(first, upstream_request_filter(context, first, 1).target)
        changes = self._response_changes(outcome, first)
        self.result |= {
            "region": outcome.region,
            "pool": outcome.share.name,
            "variant": first.name,
            "candidates": [variant.name for variant in outcome.candidates],
            "forwarded": {
                "method": request.method,
                "host": target.authority,
                "path": target.path,
                "query": target.query[1:],
                "headers": send.changes.on_mapping(request.headers),
            },
            "response_headers": {
                "set": changes.set,
                "add": [list(pair) for pair in changes.added],
                "remove": changes.removed,
            },
        }
        self._filters(request, outcome, first)
        second = hedge_to(route.failover, outcome.candidates, request.method, request.headers)
        if second and route.failover.hedge is not None and not outcome.is_probe_request:
            self.step("hedge", hedge_text(route.failover, second))
        way = f"at {first.url}" if first.url else f"through binding {first.binding}"
        self.step("forward", f"to variant {first.name} {way}")

    def _response_changes(self, outcome: Forward, first: Variant) -> Changes:
        """Changes of the variant's response. A cookie is shown without its seal, which differs in
        every second."""
        context, source = self.context, outcome.new_cookie
        changes = carried(context, first, context.arrived.now_ms).changes
        if source is None:
            return changes
        sealed = context.sealing.sealed(source, outcome.key)
        added = [(name, value.replace(sealed, outcome.key)) for name, value in changes.added]
        return changes._replace(added=added)

    def _order(self, request: Request, outcome: Forward, is_first: bool) -> None:
        self.step("sticky", key_text(outcome))
        if not is_first:
            self.step("split", split_text(outcome))
        self.step("region", region_text(self.policy, request.client, outcome))
        self.step("variants", variants_text(self.policy, outcome, self.availability))

    def _filters(self, request: Request, outcome: Forward, first: Variant) -> None:
        route = outcome.route
        plan = route.plan_for(first.pool)
        if route.cache:
            regions = self.policy.order((first.pool,), outcome.region).regions
            self.step("cache", cache_text(route.cache, request, first, regions))
        for text in filter_texts(plan) if plan else []:
            self.step("filter", text)
        for mirror in plan.mirrors if plan else ():
            if not mirror.takes(request.method):
                self.step("mirror", f"not to {mirror.pool}: {request.method} is not a safe method")
                continue
            chosen = choose_mirror(
                self.policy, outcome, mirror, self.context.rng, self.availability
            )
            name, percent = chosen.name if chosen else None, 100 * mirror.share
            self.result["mirrors"].append(
                {"pool": mirror.pool, "variant": name, "percent": percent}
            )
            to = f"variant {name}" if name else "no variant is in service"
            self.step("mirror", f"{percent:g}% to pool {mirror.pool}: {to}")


def _result_of(effect: object, now_ms: float) -> object:
    """The result of an effect that is not carried out."""
    if isinstance(effect, Charge):
        return FREE
    if isinstance(effect, KeepBody):
        return KeptBody(now_ms, "none")
    return Mirrored((), has_body=False) if isinstance(effect, SendCopy) else None
