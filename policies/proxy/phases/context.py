"""The context of a request, and the state of its isolate."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from random import Random
from typing import NamedTuple, Protocol

from policies.access.authenticate import Denied, Identity
from policies.access.given import Sealing
from policies.balancing.availability import Availability
from policies.balancing.choose import Fixed, Forward
from policies.basics.untyped import JsonObject
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
    """A request as it came in. `headers` has lower-case names, repeated ones joined. `size`: an
    upper bound of the characters in all names and values; `claims`: the names of headers that only
    proxies may set (None: not known)."""

    now_ms: float
    method: str
    url: str
    headers: Mapping[str, str]
    client: Client
    size: int | None = None
    has_body: bool = False
    claims: Sequence[str] | None = None


class HealthTracker(Protocol):
    """The health of variants, as requests use it: `policies.fleet.health.Health`."""

    def begin_probe_request(self, name: str, now_ms: float) -> None: ...
    def probe_request_patience_ms(self, name: str) -> int: ...
    def is_on_probation(self, name: str, now_ms: float) -> bool: ...
    def retry_after_s(self, policy: CompiledPolicy, now_ms: float) -> int: ...
    def succeeded(self, name: str, began_ms: float) -> None: ...
    def failed(self, name: str, began_ms: float, now_ms: float, reason: str) -> None: ...
    def rest(self, name: str, until_ms: float, now_ms: float) -> None: ...


class RolloutCounts(Protocol):
    """The counts of attempts for rollouts: `policies.rollouts.tallies.Tallies`."""

    def note(self, run: str, side: str, is_error: bool, took_ms: float) -> None: ...


class IsolateState(Protocol):
    """What the requests of one isolate share. `pepper`: the secret of hashed keys; `cookie_secret`:
    that of sealed cookies; `retries`, `latencies`: by route; `refreshing`: cached responses that
    are being renewed, and since when."""

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
        """Return whether requests should wait for the state of rollouts."""

    def availability(self, policy: CompiledPolicy, now_ms: float) -> Availability | None:
        """Return which variants are out; None if none is."""

    def rollout_overrides(self, policy: CompiledPolicy) -> OverridesByRoute:
        """Return the routes that rollouts change, by name."""

    def count(self, metric: str, *labels: str | int) -> None:
        """Count one more of a metric, named as in `/.router/metrics`, without `router_`."""

    def log(self, event: str, fields: JsonObject) -> None:
        """Write a line of the Worker's log."""


UNTRACED = Trace("", "", continued=False)  # until its headers have been read


class RequestContext:
    """The state of one request; each phase sets what later ones need. `limit_headers`: headers
    about rate limits, which every response has. `admitted`: the identity, or why it was denied;
    `identity`: the client, if the route or an override has authenticated it."""

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
        self.refusal: Fixed | Problem | None = None  # the router's own response
        self.is_repeated = False  # the first attempt was a repeated decision
        self.limit_headers: dict[str, str] = {}
        self.step = ""  # the step that refused it, for explanations

    @property
    def sealing(self) -> Sealing:
        """How cookies of the router are recognized."""
        return Sealing(self.state.cookie_secret, self.arrived.now_ms)
