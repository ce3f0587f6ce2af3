"""What has come to the Worker that records."""

from __future__ import annotations

import time
import uuid
from typing import Any

from tests.support.edge.router import Edge


def seen(edge: Edge, name: str, wanted: int) -> list[dict[str, Any]]:
    """What was recorded under `name`, when so many requests have come and ended."""
    for _ in range(200):
        found: list[dict[str, Any]] = edge.get(f"/seen/{name}", host="backend.test").json()
        if len(found) >= wanted and all(each["body"] is not None for each in found):
            return found
        time.sleep(0.02)
    return found


def settled(edge: Edge, name: str) -> list[dict[str, Any]]:
    """What was recorded under `name`, after a later copy has surely come."""
    later = uuid.uuid4().hex
    edge.get(f"/record/{later}", host="mirror.test")
    assert len(seen(edge, later, 1)) == 1
    return seen(edge, name, 0)
