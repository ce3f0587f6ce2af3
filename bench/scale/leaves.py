"""One object for each place, and one for all of these: what that saves, and what it costs.

A leaf, `colo:FRA` or `continent:EU`, answers the isolates there and reports their sum to
the root, the object `global`, as an isolate would. So the root gets one report from
each place instead of one from each isolate, and news takes one more hop up and one more down.
"""

from __future__ import annotations

from math import inf
from random import Random

from bench.scale.figures import Table, quantile, seconds
from bench.scale.tree import Node, Rules, Simulation, spread

TO_LEAF_MS = {"continent": (10.0, 80.0), "colo": (2.0, 10.0)}
TO_ROOT_MS = (10.0, 250.0)
WARM_MS = 10_000.0
AFTER_MS = 20_000.0
NOTICED_MS = 2_000.0  # isolates that notice the failure eject the variant within this time
USE = 0.5  # the share of isolates that use the variant
EJECT = 0.8  # the share of those that notice its failure
AWAY_MS = 15_000.0

# Shares of isolates: continents are a guess; of colos a few are large and many are small.
CONTINENTS = [0.35, 0.33, 0.2, 0.06, 0.03, 0.03]
COLOS = [1 / (rank + 5) for rank in range(300)]
SHAPES: tuple[tuple[str, list[float], Rules], ...] = (
    ("one object", [], Rules()),
    ("a leaf for each continent", CONTINENTS, Rules()),
    ("a leaf for each colo", COLOS, Rules()),
    ("the same, in turn only", COLOS, Rules(leaf_is_urgent=False)),
)
NUMBERS = (1_000, 10_000)


class World:
    """Isolates below leaves, or below the root itself if there are no leaves."""

    def __init__(self, weights: list[float], number: int, rng: Random) -> None:
        self.root = Node(None)
        trip = TO_LEAF_MS["colo" if len(weights) > len(CONTINENTS) else "continent"]
        self.leaves = [Node(self.root, rng.uniform(*TO_ROOT_MS), is_leaf=True) for _ in weights]
        self.isolates: list[Node] = []
        if not weights:
            self._populate(self.root, number, TO_ROOT_MS, rng)
        for leaf, share in zip(self.leaves, spread(weights, number), strict=True):
            self._populate(leaf, share, trip, rng)

    def _populate(self, parent: Node, number: int, trip: tuple[float, float], rng: Random) -> None:
        for _ in range(number):
            uses = int(rng.random() < USE)
            self.isolates.append(Node(parent, rng.uniform(*trip), uses))
            parent.users += uses
            if parent is not self.root:
                self.root.users += uses

    def play(self, rules: Rules, rng: Random, away_ms: float = 0.0) -> Simulation:
        """A variant fails at `WARM_MS`; the root is away from then on, for `away_ms`."""
        simulation = Simulation(
            [*self.leaves, *self.isolates],
            rules,
            rng,
            lambda now: WARM_MS <= now < WARM_MS + away_ms,
        )
        for node in self.isolates:
            if node.users and rng.random() < EJECT:
                at = WARM_MS + rng.random() * NOTICED_MS
                simulation.at(at, simulation.eject, node)
        simulation.run(WARM_MS + AFTER_MS)
        return simulation

    def learnt_ms(self) -> list[float]:
        """When the isolates that did not notice the failure learnt of it, in order."""
        times = [node.knows_ms for node in self.isolates if not node.ejected]
        return sorted(when - WARM_MS if when < inf else inf for when in times)


def shapes() -> Table:
    rows = []
    for number in NUMBERS:
        for objects, weights, rules in SHAPES:
            rng = Random(number)
            world = World(weights, number, rng)
            simulation = world.play(rules, rng)
            at_root = [report for report in simulation.reports if report.node.parent is world.root]
            quiet = sum(report.at_ms < WARM_MS for report in at_root) / (WARM_MS / 1000)
            burst = sum(WARM_MS <= report.at_ms < WARM_MS + 5_000 for report in at_root)
            lost = sum(
                report.took_ms == inf for report in simulation.reports if report.at_ms < WARM_MS
            )
            known = world.learnt_ms()
            decided = seconds(world.root.knows_ms - WARM_MS)
            ends = decided, seconds(quantile(known, 0.5)), seconds(known[-1])
            rows.append((number, objects, round(quiet), burst, "yes" if lost else "no", *ends))
    columns = ("isolates", "objects", "reports/s at the root", "in 5 s of news", "overloaded")
    return Table("shapes", (*columns, "decided after", "half know", "all know"), rows)


def root_away() -> Table:
    """When isolates learn that a variant failed while the root was away."""
    rows = []
    for objects, weights, rules in SHAPES[:3]:
        for away_ms in (0.0, AWAY_MS):
            rng = Random(1_000)
            world = World(weights, 1_000, rng)
            world.play(rules, rng, away_ms)
            known = world.learnt_ms()
            within = [sum(when <= limit for when in known) / len(known) for limit in LIMITS_MS]
            rows.append((objects, seconds(away_ms), *(f"{share:.0%}" for share in within)))
    columns = tuple(f"know after {limit / 1000:.0f} s" for limit in LIMITS_MS)
    return Table("root-away", ("objects", "root away for", *columns), rows)


LIMITS_MS = (5_000.0, 10_000.0, 20_000.0)
