"""The decision about one request alone: the sequence up to the choice of variants.

It is for comparisons and measurements. Rate limits let every request pass.
"""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import NamedTuple

from policies.access.authenticate import Denied, Identity
from policies.balancing.availability import Availability
from policies.balancing.choose import Fixed, Forward
from policies.basics.untyped import JsonObject
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import RETRY_AFTER_S, Problem
from policies.http.request import Request
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import Charge, Charged
from policies.proxy.sequence import choose_backend
from policies.resilience.failover import RetryBudget
from policies.resilience.latency import Latencies
from policies.resilience.outlier_detection import PROBE_REQUEST_PATIENCE_MS
from policies.rollouts.overrides import NOTHING, OverridesByRoute
from policies.rollouts.tallies import Tallies
from policies.routing.match import Rule

FREE = Charged(None, {})


class Decision(NamedTuple):
    """`rule` is None if none matched. `admitted`: the identity, or why it was denied, on routes
    with authentication. `step`: the step that decided, if the outcome is no `Forward`."""

    rule: Rule | None
    admitted: Identity | Denied | None
    outcome: Forward | Fixed | Problem
    step: str


class Surroundings(NamedTuple):
    """What a decision depends on besides policy and request: the time (milliseconds since 1970),
    the secret of hashed keys, the variants that are out, the rollouts by route, and the secret of
    sealed cookies."""

    now_ms: float
    pepper: bytes = b""
    availability: Availability | None = None
    rollout_overrides: OverridesByRoute = NOTHING
    cookie_secret: bytes = b""


class GivenHealth:
    """A fixed availability, which learns nothing."""

    def begin_probe_request(self, name: str, now_ms: float) -> None:
        pass

    def probe_request_patience_ms(self, name: str) -> int:
        return PROBE_REQUEST_PATIENCE_MS

    def is_on_probation(self, name: str, now_ms: float) -> bool:
        return False

    def retry_after_s(self, policy: CompiledPolicy, now_ms: float) -> int:
        return RETRY_AFTER_S

    def succeeded(self, name: str, began_ms: float) -> None:
        pass

    def failed(self, name: str, began_ms: float, now_ms: float, reason: str) -> None:
        pass

    def rest(self, name: str, until_ms: float, now_ms: float) -> None:
        pass


class GivenState:
    """A fixed state of an isolate, which learns nothing."""

    drills = ()
    health = GivenHealth()

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.pepper = around.pepper
        self.cookie_secret = around.cookie_secret

    @property
    def tallies(self) -> Tallies:
        return Tallies()

    @property
    def retries(self) -> defaultdict[str, RetryBudget]:
        return defaultdict(RetryBudget)

    @property
    def latencies(self) -> defaultdict[str, Latencies]:
        return defaultdict(Latencies)

    @property
    def refreshing(self) -> dict[str, float]:
        return {}

    def must_learn(self, now_ms: float) -> bool:
        return False

    def availability(self, policy: CompiledPolicy, now_ms: float) -> Availability | None:
        return self._around.availability

    def rollout_overrides(self, policy: CompiledPolicy) -> OverridesByRoute:
        return self._around.rollout_overrides

    def count(self, metric: str, *labels: str | int) -> None:
        pass

    def log(self, event: str, fields: JsonObject) -> None:
        pass


def decide(policy: CompiledPolicy, request: Request, rng: Random, around: Surroundings) -> Decision:
    """Return the decision about `request`."""
    target = request.target
    arrived = Arrived(around.now_ms, request.method, target.sent, request.headers, request.client)
    context = RequestContext(GivenState(around), policy, arrived, rng)
    context.request = request
    way = choose_backend(context)
    outcome = None
    try:
        effect = next(way)
        while True:
            assert isinstance(effect, Charge), "nothing else is asked before a variant is chosen"
            effect = way.send(FREE)
    except StopIteration as end:
        outcome = end.value or context.choice
    assert outcome, "a request is answered or forwarded"
    return Decision(context.rule, context.admitted, outcome, context.step)
