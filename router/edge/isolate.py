"""What an isolate keeps between requests: its policy store, its randomness, its log.

Nothing here may be random or do I/O when it is imported: imports run once, at deploy,
into a memory image that every isolate starts from.
"""

from __future__ import annotations

import json
from random import Random
from secrets import randbits
from typing import Any

from policies.decisions.policy import CompiledPolicy
from router.edge.bridge import JsObject, KvNamespace, in_background, now_ms, run_sync
from router.edge.metrics import Metrics
from router.edge.store import PolicyStore

KV_BINDING = "POLICIES"


def log(event: str, fields: dict[str, Any]) -> None:
    """One line of JSON to the Worker's log."""
    print(json.dumps({"event": event, **fields}))


class Isolate:
    """State of this isolate; `bundled` is the policy that was uploaded with the Worker."""

    def __init__(self, bundled: CompiledPolicy) -> None:
        self.store = PolicyStore(bundled, now_ms, log)
        self.metrics = Metrics()
        self.chance = Random(0)
        self.name = ""
        self._seeded = False

    def current_policy(self, env: JsObject, ctx: JsObject) -> CompiledPolicy:
        """The policy to decide on now; only the first requests of an isolate wait for KV."""
        store, now = self.store, now_ms()
        if store.is_due(now) or not store.ready:
            refreshing = store.refresh(KvNamespace(getattr(env, KV_BINDING, None)))
            if store.ready:
                in_background(ctx, refreshing)
            else:
                self._seed()
                run_sync(refreshing)
        return store.policy

    def _seed(self) -> None:
        """The memory image would give every isolate the same numbers."""
        if not self._seeded:
            self.chance.seed(randbits(256))
            self.name = f"{self.chance.getrandbits(32):08x}"
            self._seeded = True
