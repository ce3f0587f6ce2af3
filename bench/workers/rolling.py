"""The router with a rollout running on the measured route: it counts each request."""

from __future__ import annotations

from router.edge.coordinator.coordinator import Coordinator  # noqa: F401
from router.edge.entry import on_fetch  # noqa: F401
from router.edge.isolate.this_isolate import ISOLATE
from router.edge.limiter.limiter import Limiter  # noqa: F401

ROLLOUT = {
    "name": "agents",
    "run": "r-bench",
    "from": "production",
    "to": "canary",
    # As in the policy, so that requests go where they went without it.
    "weights": {"agents": 5, "execute": 5},
    "cohorts": [["header", ["x-preview", "1", None, None]]],
    "mirror": 0.0,
    "counts": True,
}
ISOLATE.coordinating.learn_rollouts([ROLLOUT], is_all=True)
ISOLATE.coordinating.learn_rollouts = lambda *_, **__: None  # type: ignore[method-assign]
