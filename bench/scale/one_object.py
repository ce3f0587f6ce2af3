"""One object for all isolates: quiet times, and the second in which every isolate has news."""

from __future__ import annotations

from math import inf
from random import Random

from bench.scale.figures import Table, ms, percent, quantile, seconds
from bench.scale.tree import Node, Rules, SentReport, Simulation
from router.edge.isolate.coordinating import PATIENCE_MS

TRIP_MS = (10.0, 250.0)  # to the object and back, from nearby and from the other continent
WARM_MS = 10_000.0
QUIET_MS = 20_000.0
BURST_MS = 1_000.0  # every isolate ejects within it
AFTER_MS = 20_000.0
STEADY = (250, 1_000, 2_000, 3_000, 4_000, 4_500, 6_000)
BURSTS = (500, 1_000, 2_000, 4_000)
VARIANTS = 3  # that fail in a burst, as when a region fails

RULES = {
    "each ejection at once": Rules(gap_ms=None),
    "one a second (as built)": Rules(),
    "also spread over 1 s": Rules(spread_ms=1_000.0),
    "also spread over 2 s": Rules(spread_ms=2_000.0),
}


def isolates(number: int, parent: Node, rng: Random, users: float = 1.0) -> list[Node]:
    """Isolates below `parent`; the share `users` of them uses the variant."""
    using = round(number * users)
    nodes = [Node(parent, rng.uniform(*TRIP_MS), int(n < using)) for n in range(number)]
    parent.users += using
    return nodes


def steady() -> Table:
    rows = []
    for number in STEADY:
        rng, root = Random(number), Node(None)
        simulation = Simulation(isolates(number, root, rng), Rules(), rng)
        simulation.run(WARM_MS + QUIET_MS + PATIENCE_MS)
        reports = [
            report for report in simulation.reports if WARM_MS <= report.at_ms < WARM_MS + QUIET_MS
        ]
        took, lost = times(reports)
        per_second = len(reports) / (QUIET_MS / 1000)
        ends = ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), percent(lost)
        rows.append((number, round(per_second), percent(per_second / 1000), *ends))
    columns = ("isolates", "reports/s", "busy", "answer, median", "99 %", "lost")
    return Table("steady", columns, rows)


def times(reports: list[SentReport]) -> tuple[list[float], float]:
    """How long the answers that came in time took, sorted, and the share of reports without one."""
    took = sorted(report.took_ms for report in reports if report.took_ms < inf)
    return took or [inf], 1 - len(took) / len(reports)


def bursts() -> Table:
    rows = []
    for sending, rules in RULES.items():
        for number in BURSTS:
            simulation, nodes = burst(number, rules)
            reports = [
                report for report in simulation.reports if WARM_MS <= report.at_ms < WARM_MS + 5_000
            ]
            took, lost = times(reports)
            knows = max(node.knows_ms for node in nodes if not node.ejected) - WARM_MS
            ends = ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), percent(lost), seconds(knows)
            rows.append((sending, number, len(reports), simulation.longest, *ends))
    columns = ("news is sent", "isolates", "reports in 5 s", "longest queue")
    return Table("bursts", (*columns, "answer, median", "99 %", "lost", "all know after"), rows)


def burst(number: int, rules: Rules) -> tuple[Simulation, list[Node]]:
    """Nine in ten use the variants and eject all of them within a second."""
    rng, root = Random(number), Node(None)
    nodes = isolates(number, root, rng, users=0.9)
    simulation = Simulation(nodes, rules, rng)
    for node in nodes:
        for _ in range(VARIANTS if node.users else 0):
            simulation.at(WARM_MS + rng.random() * BURST_MS, simulation.eject, node)
    simulation.run(WARM_MS + AFTER_MS)
    return simulation, nodes
