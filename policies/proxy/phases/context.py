"""What the phases know of a request, and of the isolate that it is in."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol

from policies.access.authenticate import Denied, Identity
from policies.access.given import Sealing
from policies.balancing.availability import Availability
from policies.balancing.choose import Fixed, Forward
from policies.compiled.model import Route
from policies.compiled.policy import CompiledPolicy
from policies.http.problems import Problem
from policies.http.request import Client, Request
from policies.proxy.phases.headers import Trace
from policies.resilience.drill import Drill
from policies.resilience.failover import RetryBudget
from policies.resilience.latency import Latencies
from policies.rollouts.overrides import OverridesByRoute
from policies.routing.match import Rule


class Arrived(NamedTuple):
    """A request as it came in. `headers` has lower-case names, repeated ones joined; all their
    names and values together have at most `size` characters, and those names that are a
    client's claims are `claims` (None: not known)."""

    now_ms: float
    method: str
    url: str
    headers: Mapping[str, str]
    client: Client
    size: int | None = None
    has_body: bool = False
    claims: Sequence[str] | None = None


class HealthTracker(Protocol):
    """What requests ask and tell of variants' health: `policies.fleet.health.Health`."""

    def begin_probe_request(self, name: str, now_ms: float) -> None: ...
    def probe_request_patience_ms(self, name: str) -> int: ...
    def is_on_probation(self, name: str, now_ms: float) -> bool: ...
    def retry_after_s(self, policy: CompiledPolicy, now_ms: float) -> int: ...
    def succeeded(self, name: str, began_ms: float) -> None: ...
    def failed(self, name: str, began_ms: float, now_ms: float, reason: str) -> None: ...
    def rest(self, name: str, until_ms: float, now_ms: float) -> None: ...


class RolloutCounts(Protocol):
    """Where attempts are counted for rollouts: `policies.rollouts.tallies.Tallies`."""

    def note(self, run: str, side: str, is_error: bool, took_ms: float) -> None: ...


class IsolateState(Protocol):
    """What requests of one isolate share. `pepper`: the secret that keys are hashed with;
    `cookie_secret`: the one that cookies are sealed with; `retries`, `latencies`: by route;
    `refreshing`: kept answers that are asked for anew, and since when."""

    @property
    def health(self) -> HealthTracker: ...
    @property
    def tallies(self) -> RolloutCounts: ...
    @property
    def drills(self) -> Sequence[Drill]: ...
    @property
    def pepper(self) -> bytes: ...
    @property
    def cookie_secret(self) -> bytes: ...
    @property
    def retries(self) -> MutableMapping[str, RetryBudget]: ...
    @property
    def latencies(self) -> MutableMapping[str, Latencies]: ...
    @property
    def refreshing(self) -> MutableMapping[str, float]: ...

    def must_learn(self, now_ms: float) -> bool:
        """Whether requests had better wait to hear of rollouts."""

    def availability(self, policy: CompiledPolicy, now_ms: float) -> Availability | None:
        """Which variants are in trouble; None if none is."""

    def rollout_overrides(self, policy: CompiledPolicy) -> OverridesByRoute:
        """The routes that rollouts have a say in, by name."""

    def count(self, metric: str, *labels: str | int) -> None:
        """One more of a metric, named as in `/.router/metrics`, without `router_`."""

    def log(self, event: str, fields: dict[str, Any]) -> None:
        """One line of the Worker's log."""


UNTRACED = Trace("", "", continued=False)  # until its headers have been read


class RequestContext:
    """A request on its way; what later phases need is set by earlier ones. `limit_headers`: headers
    about rate limits, which every answer has. `admitted`: who asks, or why they may not;
    `identity`: who asks, if the route or an override wants to know."""

    __slots__ = (
        *("admitted", "arrived", "choice", "identity", "is_repeated", "limit_headers", "policy"),
        *("refusal", "request", "rng", "route", "rule", "state", "step", "trace"),
    )

    def __init__(
        self, state: IsolateState, policy: CompiledPolicy, arrived: Arrived, rng: Random
    ) -> None:
        self.state = state
        self.policy = policy
        self.arrived = arrived
        self.rng = rng
        self.trace = UNTRACED
        self.request: Request
        self.rule: Rule | None = None
        self.route: Route | None = None
        self.admitted: Identity | Denied | None = None
        self.identity: Identity | None = None
        self.choice: Forward
        self.refusal: Fixed | Problem | None = None  # what the router answers itself
        self.is_repeated = False  # the first attempt has been made as a repeated decision
        self.limit_headers: dict[str, str] = {}
        self.step = ""  # what that comes from, for explanations

    @property
    def sealing(self) -> Sealing:
        """How cookies that the router gave are known."""
        return Sealing(self.state.cookie_secret, self.arrived.now_ms)
