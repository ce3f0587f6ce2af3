"""Why a request goes where it goes: the same decision as the edge's, told step by step.

The outcome is a plain JSON value. Chance is replaced: where the router would choose at
random, the likeliest pool is shown and the step says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from policies.decisions.authenticate import Denied, Identity
from policies.decisions.changes import Changes, joined
from policies.decisions.decide import (
    Decision,
    Fixed,
    Forward,
    Surroundings,
    choose_mirror,
    decide,
    read_target,
)
from policies.decisions.explain_texts import (
    cache_text,
    filter_texts,
    hedge_text,
    key_text,
    pick_text,
    region_text,
    rollout_text,
    split_text,
    variants_text,
)
from policies.decisions.failover import hedge_to
from policies.decisions.headers import fixed_headers, set_cookie, trace_of
from policies.decisions.limits import head_problem
from policies.decisions.match import Rule
from policies.decisions.outgoing import answer_changes, outgoing
from policies.decisions.policy import CompiledPolicy, Variant
from policies.decisions.problems import CONTENT_TYPE, Problem
from policies.decisions.rate_limits import Limit
from policies.decisions.request import Client, Request
from policies.decisions.standing import Standing
from policies.decisions.url import Target

Explanation = dict[str, Any]


_NEW_KEYS = 100  # more than enough tries for a key that belongs to the largest share


class _Likeliest(Random):
    """The same every time; `random()` falls into the largest share."""

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
    """What becomes of a request. `headers` has lower-case names; `around` tells who is
    in trouble.

    `status` is what the client gets; 200 stands for whatever the variant answers.
    """
    told = _Told(policy, around.standing)
    too_large = head_problem(policy.limits, url, headers)
    if too_large:
        return told.problem("limits", too_large)
    target = read_target(policy, url, headers)
    if isinstance(target, Problem):
        return told.problem("normalise", target)
    told.step("normalise", f"{target.host}{target.path}{target.query}")
    if target.is_own:
        return told.own(target)
    request = Request(method, target, headers, client)
    decision = _likeliest(policy, request, told.chance, around)
    told.decision(request, decision)
    return told.cors(request, decision)


def _likeliest(
    policy: CompiledPolicy, request: Request, chance: Random, around: Surroundings
) -> Decision:
    """The decision; for a client that gets a new key, a key of the largest share's."""
    for _ in range(_NEW_KEYS):
        decision = decide(policy, request, chance, around)
        outcome = decision.outcome
        if not isinstance(outcome, Forward) or not outcome.new_cookie:
            break
        if outcome.share is outcome.route.shares[0]:
            break
    return decision


class _Told:
    """Collects the explanation."""

    def __init__(self, policy: CompiledPolicy, standing: Standing | None) -> None:
        self.policy = policy
        self.standing = standing
        self.chance = _Likeliest(0)
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

    def problem(self, step: str, problem: Problem) -> Explanation:
        self.step(step, f"{problem.status} {problem.code}: {problem.detail}")
        headers = dict(problem.headers) | {"content-type": CONTENT_TYPE}
        self.result["status"] = problem.status
        self.result["answer"] = {
            "status": problem.status,
            "headers": headers,
            "code": problem.code,
            "detail": problem.detail,
        }
        return self.result

    def own(self, target: Target) -> Explanation:
        health = target.path == "/.router/health"
        needs = "everybody may ask" if health else "401 without the admin key"
        self.step("own", f"a page of the router itself: {needs}")
        self.result["status"] = 200 if health else 401
        self.result["answer"] = {"status": self.result["status"], "headers": {}}
        return self.result

    def decision(self, request: Request, decision: Decision) -> Explanation:
        outcome, rule = decision.outcome, decision.rule
        if rule:
            name = self.policy.routes[rule.route].name
            self.result |= {"route": name, "rule": rule.text}
            self.step("match", f"route {name}: {rule.text}")
        admitted = decision.admitted
        limits = (
            self.policy.routes[rule.route].rate_limits if rule and decision.is_charged else None
        )
        if limits:
            self.limits(limits.before, request, None)
        if isinstance(admitted, Denied):
            return self.denied(admitted)
        if admitted:
            self.step("authenticate", f"key {admitted.key.id}")
            self.result["key_id"] = admitted.key.id
            if limits:
                self.limits(limits.after, request, admitted)
        if isinstance(outcome, Problem):
            self.problem(_step_of(rule, outcome), outcome)
        elif isinstance(outcome, Fixed):
            self.fixed(outcome, request)
        elif rule:
            self.forward(request, rule, outcome, admitted)
        return self.result

    def cors(self, request: Request, decision: Decision) -> Explanation:
        """With what the route's `cors` makes of an answer of the router's own."""
        rule, outcome = decision.rule, decision.outcome
        cors = self.policy.routes[rule.route].cors if rule else None
        answer = self.result["answer"]
        is_preflight = isinstance(outcome, Fixed) and outcome.step == "preflight"
        if cors and answer and not is_preflight:
            changed = cors.changes(request.headers).on(answer["headers"].items())
            answer["headers"] = joined(changed)
        return self.result

    def denied(self, denied: Denied) -> Explanation:
        named = f" (key {denied.key_id})" if denied.key_id else ""
        self.step("authenticate", f"refused: {denied.reason}{named}")
        return self.problem("answer", denied.problem)

    def limits(self, limits: Iterable[Limit], request: Request, identity: Identity | None) -> None:
        """What the request would be charged to; it is not."""
        for stated in limits:
            limit = stated.of(identity)
            told = limit.told(limit.key(request, str(self.result["route"]), identity))
            self.result["rate_limits"].append(told)
            rate = "{limit} in {per_ms} ms, at most {burst} at once".format(**told)
            self.step("limit", f"{limit.name} by {told['by']} {told['key'] or '(none)'}: {rate}")

    def fixed(self, outcome: Fixed, request: Request) -> None:
        answer, trace = outcome.answer, trace_of(request.headers, self.chance)
        headers = fixed_headers(outcome, trace, self.policy.identify)
        where = f": {dict(headers)['location']}" if outcome.step == "redirect" else ""
        self.step(outcome.step, f"the router answers {answer.status} at the edge{where}")
        self.result["status"] = answer.status
        self.result["answer"] = {
            "status": answer.status,
            "headers": joined(headers),
            "body": answer.body,
        }

    def forward(
        self, request: Request, rule: Rule, outcome: Forward, identity: Identity | None
    ) -> None:
        route, first = outcome.route, outcome.candidates[0]
        is_first = outcome.pick is not None
        if outcome.pick:
            self.step("override", pick_text(outcome.pick, self.standing))
        if outcome.steered:
            self.result["rollout"] = outcome.steered.rollout
            key_id = identity.key.id if identity else ""
            self.step("rollout", rollout_text(outcome.steered, request, key_id))
            is_first = outcome.steered.takes(request, key_id)
        if not (outcome.pick and outcome.pick.variant):
            self._order(request, outcome, is_first)
        trace = trace_of(request.headers, self.chance)
        sent = outgoing(request, rule, route, first, trace, 1, identity)
        changes = answer_changes(trace, route, first, self.policy.identify)
        if outcome.new_cookie:
            # Without its seal, which is another with every second.
            secure = request.target.scheme == "https"
            cookie = set_cookie(outcome.new_cookie, outcome.key, secure)
            changes = changes.then(Changes([], {}, [("set-cookie", cookie)]))
        if route.cors:
            changes = changes.then(route.cors.changes(request.headers))
        self.result |= {
            "region": outcome.region,
            "pool": outcome.share.name,
            "variant": first.name,
            "candidates": [variant.name for variant in outcome.candidates],
            "forwarded": {
                "method": request.method,
                "host": sent.target.authority,
                "path": sent.target.path,
                "query": sent.target.query[1:],
                "headers": sent.changes.on_mapping(request.headers),
            },
            "response_headers": {
                "set": changes.set,
                "add": [list(pair) for pair in changes.added],
                "remove": changes.removed,
            },
        }
        self._filters(request, outcome, first)
        second = hedge_to(route.failover, outcome.candidates, request.method, request.headers)
        if second and route.failover.hedge is not None and not outcome.trial:
            self.step("hedge", hedge_text(route.failover, second))
        self.step("forward", f"to variant {first.name} through binding {first.binding}")

    def _order(self, request: Request, outcome: Forward, is_first: bool) -> None:
        self.step("sticky", key_text(outcome))
        if not is_first:
            self.step("split", split_text(outcome))
        self.step("region", region_text(self.policy, request.client, outcome))
        self.step("variants", variants_text(self.policy, outcome, self.standing))

    def _filters(self, request: Request, outcome: Forward, first: Variant) -> None:
        route = outcome.route
        plan = route.plan_for(first.pool)
        if route.cache:
            self.step("cache", cache_text(route.cache, request))
        for text in filter_texts(plan) if plan else []:
            self.step("filter", text)
        for mirror in plan.mirrors if plan else ():
            if not mirror.takes(request.method):
                self.step("mirror", f"not to {mirror.pool}: {request.method} may change something")
                continue
            chosen = choose_mirror(self.policy, outcome, mirror, self.chance, self.standing)
            name, percent = chosen.name if chosen else None, 100 * mirror.share
            self.result["mirrors"].append(
                {"pool": mirror.pool, "variant": name, "percent": percent}
            )
            told = f"to variant {name}" if name else "nobody there is in service"
            self.step("mirror", f"{percent:g}% to pool {mirror.pool}: {told}")


_STEPS = {"no-variant": "variants", "no-backend": "split", "unknown-override": "override"}


def _step_of(rule: Rule | None, problem: Problem) -> str:
    """Where it was refused."""
    if rule is None:
        return "match"
    return _STEPS.get(problem.code, "limits")
