"""The router without health: every variant is available, nothing is counted or reported."""

from __future__ import annotations

from math import inf
from typing import Any

from router.edge.coordinator.coordinator import Coordinator  # noqa: F401
from router.edge.entry import on_fetch  # noqa: F401
from router.edge.isolate.this_isolate import ISOLATE
from router.edge.limiter.limiter import Limiter  # noqa: F401


class NoHealth:
    """Replaces `policies.fleet.health.Health`."""

    def availability(self, policy: Any, now_ms: float) -> None:
        return None

    def succeeded(self, name: str, began_ms: float) -> None:
        pass


ISOLATE.health = NoHealth()  # type: ignore[assignment]
ISOLATE.coordinating.due_ms = inf
