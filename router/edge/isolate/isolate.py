"""The state of an isolate between requests: its policy store, its random numbers, its log.

Nothing here may be random or do I/O when it is imported: imports run once, at deploy,
into a memory image that every isolate starts from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Coroutine
from functools import partial
from random import Random
from secrets import randbits

from policies.access.given import cookie_secret
from policies.balancing.availability import Availability
from policies.basics.untyped import JsonObject
from policies.compiled.policy import CompiledPolicy
from policies.fleet.health import Health
from policies.proxy.phases.context import RequestContext
from policies.proxy.phases.headers import FreshDigits
from policies.resilience.drill import Drill
from policies.resilience.failover import RetryBudget
from policies.resilience.latency import Latencies
from policies.rollouts.overrides import OverridesByRoute
from policies.rollouts.tallies import Tallies
from router.edge.isolate.coordinating import PATIENCE_MS, Coordinating
from router.edge.isolate.log import log_line
from router.edge.isolate.metrics import Metrics
from router.edge.isolate.rate_limits import Limiting, Limits
from router.edge.isolate.store import FIRST_LOAD_MS, PolicyStore
from router.edge.isolate.timing import VARIABLE, parse_timing
from router.edge.runtime.bridge import (
    JsObject,
    KvNamespace,
    ask_coordinator,
    guard_outbound,
    has_flag,
    in_background,
    now_ms,
)
from router.edge.runtime.guard import LOCAL_FLAG

KV_BINDING = "POLICIES"
PEPPER = "ROUTER_KEY_PEPPER"
ADMIN_KEY = "ROUTER_ADMIN_KEY"
FIRST_LEARN_MS = 1_000  # the longest that a first request waits for the Coordinator


def log(event: str, fields: dict[str, object]) -> None:
    """One line of JSON to the Worker's log."""
    print(log_line(event, fields, now_ms()))


class Isolate:
    """State of this isolate; `bundled` is the policy that was uploaded with the Worker, and
    `bundled_text` its YAML."""

    def __init__(self, bundled: CompiledPolicy, bundled_text: str) -> None:
        self.bundled_text = bundled_text
        self.store = PolicyStore(bundled, now_ms, log)
        self.metrics = Metrics()
        self.limits = Limits(self.metrics, log)
        self.rng = Random(0)
        self.digits = FreshDigits(self.rng)
        self.health = Health(self._health_event)
        self.coordinating = Coordinating(self.health, self.metrics, self.rng, now_ms, log)
        self.retries: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)  # by route
        self.latencies: defaultdict[str, Latencies] = defaultdict(Latencies)  # by route
        self.name = ""
        self.refreshing: dict[str, float] = {}  # cached answers being revalidated, and since when
        self.pepper = b""  # the secret that keys are hashed with, if there is one
        self.cookie_secret = b""  # the one that cookies are sealed with, if there is one
        self._seeded = False

    def _health_event(self, event: str, fields: JsonObject) -> None:
        """Record and log an event of a variant's health."""
        if event == "variant-ejected":
            self.metrics.ejections[fields["variant"], fields["reason"]] += 1
            self.coordinating.hurry()
        log(event, fields)

    def configure(self, env: JsObject) -> None:
        """Take the secrets from the Worker's variables; they are the same for all requests."""
        pepper, admin = (_secret(env, name) for name in (PEPPER, ADMIN_KEY))
        self.pepper = pepper
        self.cookie_secret = cookie_secret(pepper, admin)
        self.store.allow_private = guard_outbound(env)
        self._set_timing(env)

    def _set_timing(self, env: JsObject) -> None:
        """Set the intervals; values other than the defaults are for development."""
        timing = parse_timing(getattr(env, VARIABLE, None), is_local=has_flag(LOCAL_FLAG))
        self.store.timing = self.coordinating.timing = timing

    @property
    def tallies(self) -> Tallies:
        return self.coordinating.tallies

    @property
    def drills(self) -> tuple[Drill, ...]:
        return self.coordinating.drills

    def count(self, metric: str, *labels: str | int) -> None:
        """Add 1 to a counter."""
        getattr(self.metrics, metric)[labels] += 1

    def log(self, event: str, fields: JsonObject) -> None:
        log(event, fields)

    def record_broken_answer(self, name: str, began_ms: float, part: str) -> None:
        """Count a failure of the variant that broke off an answer. `began_ms`: when its attempt
        began; `part`: the rollout's run and side that it counts for."""
        self.metrics.broken_answers[(name,)] += 1
        self.health.broke(name, began_ms, now_ms())
        self.coordinating.broke(part)

    def count_copy(self, run: str, status: int, took_ms: float) -> None:
        """Count a mirrored request, whose answer is discarded."""
        if run in self.coordinating.rollout_overrides.counted:
            self.tallies.note(run, "to", not 0 < status < 500, took_ms)

    def limiting(self, context: RequestContext) -> Limiting:
        """Charges a request to the rate limits of its route."""
        route, now = context.route, context.arrived.now_ms
        return Limiting(self.limits, context.request, route.name if route else "", now)

    def must_learn(self, now: float) -> bool:
        return self.coordinating.must_learn(now)

    def availability(self, policy: CompiledPolicy, now: float) -> Availability | None:
        return self.health.availability(policy, now)

    def chores(self, now: float) -> str:
        """The names of the chores that are due after this request's answer: `policy`,
        `coordinator`."""
        due = []
        if self.store.is_due(now):
            due.append("policy")
        if now >= self.coordinating.due_ms and self.coordinating.begin(now):
            due.append("coordinator")
        return " ".join(due)

    @property
    def due_ms(self) -> float:
        """When the next chores are due."""
        return min(self.store.due_ms, self.coordinating.due_ms)

    def work(self, chores: str, colo: str, env: JsObject) -> list[Coroutine[object, None, None]]:
        """The coroutines of these chores."""
        work: list[Coroutine[object, None, None]] = []
        if "policy" in chores:
            work.append(self.store.refresh_and_keep(_kv(env)))
        if "coordinator" in chores:
            ask = partial(ask_coordinator, env, "sync", timeout_ms=PATIENCE_MS)
            digest = self.store.policy.digest
            work.append(self.coordinating.sync(ask, self.name, colo, digest))
        return work

    def rollout_overrides(self, policy: CompiledPolicy) -> OverridesByRoute:
        """The rollout overrides, by route."""
        return self.coordinating.rollout_overrides.of(policy)

    async def learn_rollouts(self, colo: str, env: JsObject) -> None:
        """Learn the weights of rollouts. The first requests of an isolate wait for it: by the
        policy's weights they would move users back."""
        ask = partial(ask_coordinator, env, "sync", timeout_ms=FIRST_LEARN_MS)
        digest = self.store.policy.digest
        await self.coordinating.learn_first(ask, _kv(env).get, self.name, colo, digest)

    async def prepare(self, env: JsObject, ctx: JsObject) -> None:
        """Read the policy from KV for the first time; only the first requests of an isolate
        wait."""
        self.seed()
        kv = _kv(env)
        await self.store.refresh(kv, FIRST_LOAD_MS)
        in_background(ctx, self.store.keep(kv))

    def seed(self) -> None:
        """Seed the random numbers: the memory image would give every isolate the same ones."""
        if not self._seeded:
            self.rng.seed(randbits(256))
            self.digits.forget()
            self.name = f"{self.rng.getrandbits(32):08x}"
            self._seeded = True


def _kv(env: JsObject) -> KvNamespace:
    return KvNamespace(getattr(env, KV_BINDING, None))


def _secret(env: JsObject, name: str) -> bytes:
    secret = getattr(env, name, None)
    return secret.encode() if isinstance(secret, str) else b""
