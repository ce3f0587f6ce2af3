"""`python -m bench [all | health | memory | rows | rollouts | steps | coordinator | scale]`.

`all` (the default) measures rows, deciding and loading and writes `build/bench.json`;
`rows NAME…` compares some rows with the first of them, or, `--against FOLDER`, with those of
another clone; `health` compares the rows that show the cost of health, `rollouts` those that
show the cost of a running rollout; `memory [ROW] [--crowd]` sends 250,000 requests through
one process, with `--crowd` of 50,000 users and paths; `steps` times the steps of requests;
`coordinator` measures how many reports the Coordinator takes; `scale [--json | --docs] [TABLE…]`
simulates many isolates. Exit code 0: the measurement succeeded, whether or not a goal was reached.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench import report
from bench.comparing import compare_rows
from bench.coordinator import measure_coordinator
from bench.decisions.deciding import measure_deciding
from bench.decisions.keys import measure_keys
from bench.decisions.loading import measure_loading
from bench.load import CROWD
from bench.memory import LEVEL_FROM, MAY_GROW, growth, measure_memory
from bench.rows import ALL_ROWS, ROWS
from bench.scale.command import run_scale
from bench.steps import measure_steps
from bench.throughput import measure_health, measure_rollouts, measure_rows
from router.dev.layout import Layout, SetupError, find_root
from router.dev.prepare import prepare


def run_all(layout: Layout, _: Sequence[str]) -> None:
    rows, health = measure_rows(layout, ROWS), measure_health(layout)
    print("deciding    on CPython", flush=True)
    deciding, keys = measure_deciding(), measure_keys()
    print("loading     in workerd and on CPython", flush=True)
    loading = measure_loading(layout)
    goals = [
        *report.rows_goals(rows),
        *report.rows_goals(health),
        *report.deciding_goals(deciding),
        *report.keys_goals(keys),
        *report.loading_goals(loading),
    ]
    path = layout.build / "bench.json"
    more = {"health": [row.to_dict() for row in health], "deciding": deciding}
    report.write(path, rows, goals, {**more, "keys": keys, "loading": loading})
    tables = (
        report.rows_table(rows),
        report.rows_table(health),
        report.loading_table(loading),
        report.goals_table(goals),
    )
    print("\n" + "\n\n".join(tables) + f"\n\nwritten     {path.relative_to(layout.root)}")


def run_memory(layout: Layout, args: Sequence[str]) -> None:
    options = memory_parser().parse_args(args)
    row, of_whom = ALL_ROWS[options.row], ""
    if options.crowd:
        row, of_whom = replace(row, traffic=CROWD), f" of {CROWD.users:,} users and paths"
    grown = growth(measure_memory(layout, row))
    what = f"{row.name}: growth after {LEVEL_FROM:,} requests{of_whom}"
    print(f"\n{report.Goal(what, grown, MAY_GROW).to_text()}")


def memory_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench memory")
    parser.add_argument("row", nargs="?", choices=ALL_ROWS, default="router", metavar="ROW")
    parser.add_argument("--crowd", action="store_true", help="of 50,000 users and paths")
    return parser


def run_health(layout: Layout, _: Sequence[str]) -> None:
    rows = measure_health(layout)
    goals = report.goals_table(report.rows_goals(rows))
    print(f"\n{report.rows_table(rows)}\n\n{goals}")


def run_rollouts(layout: Layout, _: Sequence[str]) -> None:
    router, rolling = measure_rollouts(layout)
    print(f"\n{report.rows_table([router, rolling])}\n\nof router: {rolling.of(router):.2f}")


def run_coordinator(layout: Layout, _: Sequence[str]) -> None:
    for kind, part in measure_coordinator(layout).items():
        print(f"{kind:<44} {part:>8.3f}")


def run_steps(layout: Layout, _: Sequence[str]) -> None:
    for name, microseconds in measure_steps(layout).items():
        print(f"{name:<44} {microseconds:>8.1f} µs")


COMMANDS: dict[str, Callable[[Layout, Sequence[str]], None]] = {
    "all": run_all,
    "coordinator": run_coordinator,
    "health": run_health,
    "memory": run_memory,
    "rollouts": run_rollouts,
    "rows": compare_rows,
    "steps": run_steps,
}


def main(args: Sequence[str]) -> int:
    name, *rest = args or ["all"]
    if name == "scale":
        return run_scale(rest)
    if name not in COMMANDS:
        print(f"bench: no command {name}; known: {', '.join(COMMANDS)}, scale", file=sys.stderr)
        return 2
    try:
        layout = Layout(find_root())
        prepare(layout)
        COMMANDS[name](layout, rest)
    except SetupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
