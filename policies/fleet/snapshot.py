"""The snapshot that the Coordinator gives to every isolate, named by epoch and version.

Times are durations, so that clocks need not agree. Parts that cannot be read are left out, and the
isolate uses its own view.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.basics.untyped import JsonObject

if TYPE_CHECKING:
    from policies.api import drills as api

Active = Literal["healthy", "unhealthy", "unknown"]


class CoordinatorView(NamedTuple):
    """One variant: the result of its probes; how long ago it became healthy after being unhealthy
    (None: it did not); for how long the votes exclude it, and their number. Times in
    milliseconds."""

    active: Active = "unknown"
    recovered_ms: int | None = None
    ejected_ms: int = 0
    voters: int = 0


class Snapshot(NamedTuple):
    """`drills`: the running ones; `rollouts`: those that have started, both as JSON values;
    `is_all`: there are no others that have started."""

    epoch: str
    version: int
    variants: dict[str, CoordinatorView]
    drills: list[api.Drill]
    rollouts: Sequence[JsonObject] = ()
    is_all: bool = True


def snapshot_json(snapshot: Snapshot) -> str:
    variants = {name: view._asdict() for name, view in snapshot.variants.items()}
    return json.dumps(snapshot._asdict() | {"variants": variants})


def snapshot_from(text: str) -> Snapshot:
    """Return a snapshot. Raises `ValueError` for any other text."""
    try:
        value = json.loads(text)
        variants = {name: CoordinatorView(**view) for name, view in value["variants"].items()}
        rollouts = list(value.get("rollouts", ()))  # an older Coordinator knows of none
        is_all = bool(value.get("is_all", False))
        own = value["epoch"], value["version"], variants, list(value["drills"])
        return Snapshot(*own, rollouts, is_all)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a snapshot: {error}") from error
