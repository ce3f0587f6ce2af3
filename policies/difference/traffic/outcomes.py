"""The outcome of a request under a policy, for comparing two policies.

- A client with a sticky key has one outcome. Where the router chooses at random, outcomes have
  probabilities, since two random choices would differ without any change.
- Between two policies, as little as possible moves: the probability that both give to an outcome
  stays, and the rest moves from outcomes that lose to outcomes that gain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from policies.access.sticky import Source, sticky_key
from policies.balancing.choose import Fixed, Forward, read_target
from policies.compiled.model import Share, Tier
from policies.compiled.policy import CompiledPolicy
from policies.http.limits import head_problem
from policies.http.problems import PROBLEMS, Problem
from policies.http.request import Client, Request
from policies.proxy.decide import Surroundings, decide
from policies.routing.match import Rule


class TrafficRequest(NamedTuple):
    """A request; `headers` has lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str]
    client: Client


class DecidedOutcome(NamedTuple):
    """The variant of the first attempt, or the router's own response; "" for none."""

    route: str
    pool: str
    variant: str
    status: int
    code: str = ""

    @property
    def text(self) -> str:
        return self.variant or f"{self.status} {self.code}".rstrip()


Outcomes = dict[DecidedOutcome, float]  # probabilities, with the sum 1
FIELDS = ("route", "pool", "variant", "status")
NO_VARIANT = "no-variant"
NO_BACKEND = "no-backend"
OF_SPLITS = (NO_VARIANT, NO_BACKEND)  # for a part of the requests
ITSELF = DecidedOutcome("", "", "", 200, "the router's own page")


class Judge:
    """Finds the outcomes under one policy. `names`: the names of its routes in the other one."""

    def __init__(
        self, policy: CompiledPolicy, around: Surroundings, names: Mapping[str, str]
    ) -> None:
        self.policy = policy
        self._around = around
        self._names = names
        self._rng = Random(0)
        self._drawn: dict[tuple[int, str | None], Outcomes] = {}

    def outcomes(self, sent: TrafficRequest) -> tuple[Outcomes, Source | None]:
        """Return the outcomes, and the source of the sticky key that decided; None if none did."""
        policy = self.policy
        refused = head_problem(policy.limits, sent.url, sent.headers)
        target = refused or read_target(policy, sent.url, sent.headers)
        if isinstance(target, Problem):
            return {self._answered(None, target): 1.0}, None
        if target.is_own:
            return {ITSELF: 1.0}, None
        request = Request(sent.method, target, sent.headers, sent.client)
        rule, _, outcome, _ = decide(policy, request, self._rng, self._around)
        if rule is None or isinstance(outcome, Fixed):
            return {self._answered(rule, outcome): 1.0}, None
        route = policy.routes[rule.route]
        if isinstance(outcome, Problem) and outcome.code not in OF_SPLITS:
            return {self._answered(rule, outcome): 1.0}, None
        key, source = sticky_key(route.sticky, request)
        if isinstance(outcome, Forward) and outcome.pick:
            return self._picked(rule, outcome), None
        if not key:
            return self._expected(rule, policy.regions.of(sent.client)), None
        if isinstance(outcome, Problem):
            return {self._answered(rule, outcome): 1.0}, source
        variant = outcome.candidates[0].name
        return {DecidedOutcome(self._name(rule), outcome.share.name, variant, 200): 1.0}, source

    def _name(self, rule: Rule | None) -> str:
        name = self.policy.routes[rule.route].name if rule else ""
        return self._names.get(name, name)

    def _answered(self, rule: Rule | None, outcome: Forward | Fixed | Problem) -> DecidedOutcome:
        """Return an outcome of the router's own response."""
        name = self._name(rule)
        if isinstance(outcome, Problem):
            return DecidedOutcome(name, "", "", outcome.status, outcome.code)
        return DecidedOutcome(
            name, "", "", outcome.answer.status if isinstance(outcome, Fixed) else 200
        )

    def _picked(self, rule: Rule, outcome: Forward) -> Outcomes:
        """Return the outcomes of an override; for a pool, each variant that may be the first."""
        name, pool = self._name(rule), outcome.share.name
        if outcome.pick and outcome.pick.variant:
            return {DecidedOutcome(name, pool, outcome.pick.variant.name, 200): 1.0}
        firsts = _first(self.policy, outcome.share, outcome.region)
        return {DecidedOutcome(name, pool, variant, 200): part for variant, part in firsts}

    def _expected(self, rule: Rule, region: str | None) -> Outcomes:
        """Return the outcomes of a route for a client without a key, in a region."""
        place = rule.route, region
        if place not in self._drawn:
            route, name = self.policy.routes[rule.route], self._name(rule)
            drawn: Outcomes = {}
            for share in route.shares:
                for variant, part in _first(self.policy, share, region):
                    outcome = DecidedOutcome(name, share.name, variant, 200)
                    if not variant:
                        code = NO_VARIANT if share.chain else NO_BACKEND
                        outcome = DecidedOutcome(name, "", "", PROBLEMS[code][0], code)
                    drawn[outcome] = drawn.get(outcome, 0) + part * share.weight / route.total
            self._drawn[place] = drawn
        return self._drawn[place]


def _first(policy: CompiledPolicy, share: Share, region: str | None) -> Iterator[tuple[str, float]]:
    """Yield the probability of each variant of the first attempt; "": no variant can serve."""
    tiers = policy.order(share.chain, region).tiers
    if not tiers:
        yield "", 1.0
    serving = [open_to for tier in tiers if (open_to := _not_drained(tier))]
    for tier in (serving or tiers)[:1]:
        total = sum(variant.weight for variant in tier)
        if not total:
            yield tier[0].name, 1.0
            return
        for variant in tier:
            yield variant.name, variant.weight / total


def _not_drained(tier: Tier) -> Tier:
    return tuple(variant for variant in tier if not variant.drain)


def moved(
    before: Outcomes, after: Outcomes
) -> Iterator[tuple[DecidedOutcome, DecidedOutcome, float]]:
    """Yield the moves between outcomes, with their probabilities."""
    less = {outcome: part - after.get(outcome, 0) for outcome, part in before.items()}
    more = {outcome: part - before.get(outcome, 0) for outcome, part in after.items()}
    less = {outcome: part for outcome, part in less.items() if part > 1e-12}
    more = {outcome: part for outcome, part in more.items() if part > 1e-12}
    total = sum(less.values())
    for source, lost in less.items():
        for target, won in more.items():
            yield source, target, lost * won / total


def field_moved(before: Outcomes, after: Outcomes, field: str) -> float:
    """Return the probability of another route, pool, variant or status."""
    parts: dict[object, float] = {}
    for outcome, part in before.items():
        parts[getattr(outcome, field)] = parts.get(getattr(outcome, field), 0) + part
    for outcome, part in after.items():
        parts[getattr(outcome, field)] = parts.get(getattr(outcome, field), 0) - part
    return sum(part for part in parts.values() if part > 1e-12)
