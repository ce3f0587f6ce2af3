"""Why a request goes where it goes: the same decision as the edge's, told step by step.

The outcome is a plain JSON value. Chance is replaced: where the router would choose at
random, the likeliest pool is shown and the step says so.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from random import Random
from typing import Any

from policies.decisions.authenticate import Denied, Identity
from policies.decisions.decide import Decision, Fixed, Forward, Surroundings, decide, read_target
from policies.decisions.headers import (
    Trace,
    fixed_headers,
    forwarded_headers,
    header_changes,
    response_headers,
    set_cookie,
    trace_of,
)
from policies.decisions.policy import CompiledPolicy
from policies.decisions.problems import CONTENT_TYPE, Problem
from policies.decisions.rate_limits import Limit
from policies.decisions.request import Client, Request
from policies.decisions.url import Target

Explanation = dict[str, Any]


_NEW_KEYS = 100  # more than enough tries for a key that belongs to the largest share


class _Likeliest(Random):
    """The same every time; `random()` falls into the largest share."""

    def random(self) -> float:
        return 0.0


class NotExplainable(Exception):
    """What was asked for makes no sense; the message says why."""


def read_question(
    policy: CompiledPolicy, url: str, header_lines: Iterable[str], down: Iterable[str]
) -> dict[str, str]:
    """The headers of `Name: value` lines, by lower-case name, repeated ones joined (RFC
    9110, section 5.3). Raises `NotExplainable`."""
    scheme, mark, rest = url.partition("://")
    if scheme not in ("http", "https") or not mark or not rest.partition("/")[0]:
        raise NotExplainable(f"url `{url[:200]}` is not an absolute http or https URL")
    known = [variant.name for variant in policy.variants]
    for name in down:
        if name not in known:
            raise NotExplainable(f"down: no variant `{name[:80]}`; known: {', '.join(known)}")
    headers: dict[str, str] = {}
    for line in header_lines:
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name:
            raise NotExplainable(f"header `{line[:80]}` is not of the form `Name: value`")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def explain(
    policy: CompiledPolicy,
    method: str,
    url: str,
    headers: dict[str, str],
    client: Client,
    around: Surroundings,
) -> Explanation:
    """What becomes of a request. `headers` has lower-case names; `around.out_of_service`:
    names of variants.

    `status` is what the client gets; 200 stands for whatever the variant answers.
    """
    told = _Told(policy, around.out_of_service)
    target = read_target(policy, url, headers)
    if isinstance(target, Problem):
        return told.problem("normalise", target)
    told.step("normalise", f"{target.host}{target.path}{target.query}")
    if target.is_own:
        return told.own(target)
    request = Request(method, target, headers, client)
    return told.decision(request, target, _likeliest(policy, request, told.chance, around))


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

    def __init__(self, policy: CompiledPolicy, down: Container[str]) -> None:
        self.policy = policy
        self.down = down
        self.chance = _Likeliest(0)
        self.result: Explanation = {
            "status": 200,
            "digest": policy.digest,
            "route": None,
            "rule": None,
            "region": None,
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

    def decision(self, request: Request, target: Target, decision: Decision) -> Explanation:
        outcome, rule = decision.outcome, decision.rule
        if rule:
            name = self.policy.routes[rule.route].name
            self.result |= {"route": name, "rule": rule.text}
            self.step("match", f"route {name}: {rule.text}")
        admitted = decision.admitted
        limits = self.policy.routes[rule.route].limits if rule else None
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
            return self.problem("variants" if rule else "match", outcome)
        if isinstance(outcome, Fixed):
            self.fixed(outcome, trace_of(request.headers, self.chance))
        else:
            self.forward(request, target, outcome, admitted)
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

    def fixed(self, outcome: Fixed, trace: Trace) -> None:
        answer, headers = outcome.answer, dict[str, str]()
        for name, value in fixed_headers(outcome, trace, self.policy.identify):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.step("respond", f"the route answers {answer.status} at the edge")
        self.result["status"] = answer.status
        self.result["answer"] = {"status": answer.status, "headers": headers, "body": answer.body}

    def forward(
        self, request: Request, target: Target, outcome: Forward, identity: Identity | None
    ) -> None:
        route, first = outcome.route, outcome.candidates[0]
        self.step("sticky", _key_text(outcome))
        self.step("split", _split_text(outcome))
        self.step("region", _region_text(self.policy, request.client, outcome))
        self.step("variants", self._variants_text(outcome))
        trace = trace_of(request.headers, self.chance)
        changes = header_changes(request, route, first, trace, 1, identity)
        added = response_headers(trace, route, first, self.policy.identify)
        cookies = []
        if outcome.new_cookie:
            secure = target.scheme == "https"
            cookies = [["set-cookie", set_cookie(outcome.new_cookie, outcome.key, secure)]]
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
                "headers": forwarded_headers(request.headers, changes),
            },
            "response_headers": {"set": added, "add": cookies, "remove": []},
        }
        self.step("forward", f"to variant {first.name} through binding {first.binding}")

    def _variants_text(self, outcome: Forward) -> str:
        names = ", ".join(variant.name for variant in outcome.candidates)
        if outcome.panic:
            return f"nothing is in service; tried all the same: {names}"
        tiers = self.policy.order(outcome.share.chain, outcome.region).tiers
        left_out = [
            f"{variant.name} ({'drained' if variant.drain else 'down'})"
            for tier in tiers
            for variant in tier
            if variant.drain or variant.name in self.down
        ]
        return f"{names}; left out: {', '.join(left_out)}" if left_out else names


def _key_text(outcome: Forward) -> str:
    if outcome.source:
        source = outcome.source
        return f"the key comes from {source.kind}{f':{source.name}' if source.name else ''}"
    if outcome.new_cookie:
        return f"no source has a key; the client gets cookie {outcome.new_cookie.name} with one"
    return "no sticky key"


def _split_text(outcome: Forward) -> str:
    route = outcome.route
    shares = ", ".join(
        f"{share.name} {100 * share.weight / route.total:.4g}%" for share in route.shares
    )
    if len(route.shares) == 1:
        return f"pool {outcome.share.name} takes all"
    if outcome.source:
        return f"the key belongs to pool {outcome.share.name} of {shares}"
    return f"at random among {shares}; shown: {outcome.share.name}"


def _region_text(policy: CompiledPolicy, client: Client, outcome: Forward) -> str:
    if not policy.has_regions:
        return "the policy has no regions"
    if outcome.region is None:
        return "no region claims the client"
    regions = policy.regions
    for kind, code, table in (
        ("colo", client.colo, regions.colos),
        ("country", client.country, regions.countries),
        ("continent", client.continent, regions.continents),
    ):
        if code in table:
            return f"{outcome.region}, by {kind} {code}"
    unsaid = " (no continent is given)" if regions.continents and not client.continent else ""
    return f"{outcome.region}, the default region{unsaid}"
