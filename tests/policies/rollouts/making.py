"""A rollout, traffic, and the time: stories of what becomes of it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from policies.rollouts.counts import Counts
from policies.rollouts.rollouts import Refused, Rollouts
from policies.rollouts.world import World, world_of
from tests.policies.making import compiled

INTERVAL_S = 60
STEPS: list[dict[str, Any]] = [{"weight": weight} for weight in (1, 5, 25, 50, 100)]
ROUTE = {"name": "r", "split": {"production": 100, "canary": 0}, "sticky": ["ip"]}
ANALYSIS: dict[str, Any] = {"interval": "60s"}
TOLD: dict[str, Any] = {  # what isolates are told of one
    "name": "v2",
    "run": "r-1",
    "from": "production",
    "to": "canary",
    "weights": {"r": 30},
    "cohorts": [],
    "mirror": 0.0,
    "counts": True,
}
MONDAY_S = 1_795_392_000  # 2026-11-23, 0:00


def sections(**changes: Any) -> dict[str, Any]:
    """The sections of a policy with one rollout; `routes`, `auth` are the policy's own, and
    `moved` are the routes of the rollout."""
    own = {name: changes.pop(name) for name in ("routes", "auth") if name in changes}
    rollout = {
        "name": "v2",
        "routes": changes.pop("moved", ["r"]),
        "from": "production",
        "to": "canary",
        "steps": STEPS,
        "analysis": ANALYSIS,
        **changes,
    }
    rollout = {name: value for name, value in rollout.items() if value is not None}
    return {"routes": [ROUTE], **own, "rollouts": [rollout]}


class Story:
    """Times in seconds. Traffic: `(requests, errors)` a minute of each pool."""

    def __init__(self, **changes: Any) -> None:
        self.rollouts = Rollouts(Random(1))
        self.now = MONDAY_S
        self.edit(**changes)

    def edit(self, **changes: Any) -> None:
        """Another policy."""
        self.world: World = world_of(compiled(**sections(**changes)))

    def take_out(self) -> None:
        self.world = world_of(compiled(routes=[ROUTE]))

    @property
    def run(self) -> Any:
        return self.rollouts.runs["v2"]

    @property
    def weight(self) -> float | None:
        weight: float | None = self.run.weight
        return weight

    def act(self, action: str, **more: Any) -> str:
        """The state afterwards, or why it was refused."""
        command = ("ann", more.get("note"), more.get("force", False))
        told = self.rollouts.act("v2", action, command, self.now * 1000, self.world)
        return told.reason if isinstance(told, Refused) else str(told["state"])

    def minute(
        self, to: tuple[int, int] = (0, 0), other: tuple[int, int] = (0, 0), ms: float = 20
    ) -> None:
        """A minute of traffic, told in four reports."""
        for quarter in range(4):
            self.hear({"to": counts(to, quarter, ms), "from": counts(other, quarter, 20)})
            self.now += INTERVAL_S // 4
            self.tick()

    def hear(self, sides: dict[str, Counts]) -> None:
        for run in self.rollouts.runs.values():
            self.rollouts.hear({run.id: sides})

    def tick(self) -> None:
        self.rollouts.tick(self.now * 1000, self.world)

    def restart(self) -> None:
        """Only what was kept goes on."""
        kept = json.loads(json.dumps(self.rollouts.to_json()))
        self.rollouts = Rollouts(Random(2))
        assert self.rollouts.restore(kept, self.now * 1000)

    def weights(self) -> list[float | None]:
        """That it has had, from the events."""
        return [event["weight"] for event in self.events() if event["before"] != event["weight"]]

    def events(self) -> list[dict[str, Any]]:
        return self.rollouts.take_events()


def counts(whole: tuple[int, int], quarter: int, ms: float) -> Counts:
    """A quarter of that traffic."""
    made = Counts()
    requests, errors = (n * (quarter + 1) // 4 - n * quarter // 4 for n in whole)
    for number in range(requests):
        made.note(number < errors, ms)
    return made
