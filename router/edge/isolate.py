"""What an isolate keeps between requests: its policy store, its randomness, its log.

Nothing here may be random or do I/O when it is imported: imports run once, at deploy,
into a memory image that every isolate starts from.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from random import Random
from secrets import randbits
from typing import Any

from policies.decisions.failover import RetryBudget
from policies.decisions.given import Sealing, cookie_secret
from policies.decisions.health import Health
from policies.decisions.latency import Latencies
from policies.decisions.policy import CompiledPolicy
from policies.decisions.steering import Steereds
from router.edge.bridge import (
    JsObject,
    KvNamespace,
    ask_coordinator,
    in_background,
    now_ms,
    run_sync,
)
from router.edge.coordinating import PATIENCE_MS, Coordinating
from router.edge.metrics import Metrics
from router.edge.rate_limits import Limits
from router.edge.store import FIRST_LOAD_MS, PolicyStore

KV_BINDING = "POLICIES"
PEPPER = "ROUTER_KEY_PEPPER"
ADMIN_KEY = "ROUTER_ADMIN_KEY"
FIRST_LEARN_MS = 1_000  # what a first request waits for the Coordinator at most


def log(event: str, fields: dict[str, Any]) -> None:
    """One line of JSON to the Worker's log."""
    print(json.dumps({"event": event, **fields}))


class Isolate:
    """State of this isolate; `bundled` is the policy that was uploaded with the Worker."""

    def __init__(self, bundled: CompiledPolicy) -> None:
        self.store = PolicyStore(bundled, now_ms, log)
        self.metrics = Metrics()
        self.limits = Limits(self.metrics, log)
        self.chance = Random(0)
        self.health = Health(self._tell)
        self.coordinating = Coordinating(self.health, self.metrics, self.chance, now_ms, log)
        self.retries: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)  # by route
        self.latencies: defaultdict[str, Latencies] = defaultdict(Latencies)  # by route
        self.name = ""
        self.refreshing: dict[str, float] = {}  # kept answers that are asked for anew, since
        self._seeded = False
        self._pepper: bytes | None = None
        self._cookie_secret: bytes | None = None

    def _tell(self, event: str, fields: dict[str, Any]) -> None:
        """What has become of a variant."""
        if event == "variant-ejected":
            self.metrics.ejections[fields["variant"], fields["reason"]] += 1
            self.coordinating.hurry()
        log(event, fields)

    def blame(self, broken: Iterable[tuple[str, float, str]], now: float) -> None:
        """These variants have broken answers off; when their attempts began, and what these
        counted for."""
        for name, began, part in broken:
            self.metrics.broken_answers[(name,)] += 1
            self.health.broke(name, began, now)
            self.coordinating.broke(part)

    def steered(self, policy: CompiledPolicy) -> Steereds:
        """The routes that rollouts have a say in, by name."""
        return self.coordinating.steering.of(policy)

    def learn_rollouts(self, colo: str, env: JsObject) -> None:
        """The first requests of an isolate wait to hear how far rollouts are: by the file's
        weights they would move users back."""
        ask = partial(ask_coordinator, env, "sync", timeout_ms=FIRST_LEARN_MS)
        kv = KvNamespace(getattr(env, KV_BINDING, None))
        first = partial(self.coordinating.learn_first, ask, kv.get)
        run_sync(first(self.name, colo, self.store.policy.digest))

    def current_policy(self, now: float, env: JsObject, ctx: JsObject) -> CompiledPolicy:
        """The policy to decide on now; only the first requests of an isolate wait for KV."""
        store = self.store
        if store.is_due(now) or not store.ready:
            self._ask(KvNamespace(getattr(env, KV_BINDING, None)), ctx)
        return store.policy

    def coordinate(self, now: float, colo: str, env: JsObject, ctx: JsObject) -> None:
        """Report to the Coordinator, and learn from it, after the answer."""
        if self.coordinating.begin(now):
            ask = partial(ask_coordinator, env, "sync", timeout_ms=PATIENCE_MS)
            digest = self.store.policy.digest
            in_background(ctx, self.coordinating.sync(ask, self.name, colo, digest))

    def sealing(self, env: JsObject, now: float) -> Sealing:
        """How sticky cookies are sealed: by the pepper, else by the admin key, as there is."""
        if self._cookie_secret is None:
            admin = getattr(env, ADMIN_KEY, None)
            rest = admin.encode() if isinstance(admin, str) else b""
            self._cookie_secret = cookie_secret(self.pepper(env), rest)
        return Sealing(self._cookie_secret, now)

    def pepper(self, env: JsObject) -> bytes:
        """The secret that keys are hashed with; empty if there is none."""
        if self._pepper is None:
            secret = getattr(env, PEPPER, None)
            self._pepper = secret.encode() if isinstance(secret, str) else b""
        return self._pepper

    def _ask(self, kv: KvNamespace, ctx: JsObject) -> None:
        if self.store.ready:
            in_background(ctx, self.refresh_and_keep(kv))
            return
        self.seed()
        run_sync(self.store.refresh(kv, FIRST_LOAD_MS))
        in_background(ctx, self.store.keep(kv))

    async def refresh_and_keep(self, kv: KvNamespace) -> None:
        """Ask KV for the policy; it is due."""
        await self.store.refresh(kv)
        await self.store.keep(kv)

    def seed(self) -> None:
        """The memory image would give every isolate the same numbers."""
        if not self._seeded:
            self.chance.seed(randbits(256))
            self.name = f"{self.chance.getrandbits(32):08x}"
            self._seeded = True
