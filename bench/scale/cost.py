"""How many requests a day reports cost, if every isolate is busy all day. An isolate without
requests does not report."""

from __future__ import annotations

from bench.scale.figures import Table, percent
from bench.scale.leaves import COLOS
from router.edge.isolate.timing import DEFAULTS

DAY_S = 86_400
ISOLATES = (10, 100, 1_000, 10_000)
BUSY = (1, 10, 100)  # requests a second that an isolate answers


def cost() -> Table:
    reports_a_day = DAY_S * 1000 // DEFAULTS.report_ms
    rows = []
    for number in ISOLATES:
        parts = (percent(1000 / DEFAULTS.report_ms / rate) for rate in BUSY)
        leaves = min(number, len(COLOS)) * reports_a_day
        rows.append((number, number * reports_a_day, number * reports_a_day + leaves, *parts))
    shares = tuple(f"of its requests, at {rate}/s" for rate in BUSY)
    return Table("cost", ("isolates", "reports a day", "with a leaf for each colo", *shares), rows)
