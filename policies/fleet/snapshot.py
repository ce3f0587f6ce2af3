"""What the Coordinator tells every isolate: one value, named by epoch and version.

Times are told as durations, so that no two clocks need agree. What cannot be read is
left out: an isolate goes on with its own view.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from policies.api import drills as api

Active = Literal["healthy", "unhealthy", "unknown"]


class CoordinatorView(NamedTuple):
    """About one variant: what probes say; how long ago it got well after having been
    unhealthy (None: it has not been); how much longer the isolates' votes exclude it, and
    how many they are. Milliseconds."""

    active: Active = "unknown"
    recovered_ms: int | None = None
    ejected_ms: int = 0
    voters: int = 0


class Snapshot(NamedTuple):
    """`drills` are those that are running, `rollouts` those that have begun, as JSON values;
    `is_all`: there may be no others that have."""

    epoch: str
    version: int
    variants: dict[str, CoordinatorView]
    drills: list[api.Drill]
    rollouts: Sequence[dict[str, Any]] = ()
    is_all: bool = True


def snapshot_json(snapshot: Snapshot) -> str:
    variants = {name: view._asdict() for name, view in snapshot.variants.items()}
    return json.dumps(snapshot._asdict() | {"variants": variants})


def snapshot_from(text: str) -> Snapshot:
    """Raises `ValueError` if it is none."""
    try:
        value = json.loads(text)
        variants = {name: CoordinatorView(**view) for name, view in value["variants"].items()}
        rollouts = list(value.get("rollouts", ()))  # an older Coordinator knows of none
        is_all = bool(value.get("is_all", False))
        own = value["epoch"], value["version"], variants, list(value["drills"])
        return Snapshot(*own, rollouts, is_all)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a snapshot: {error}") from error
