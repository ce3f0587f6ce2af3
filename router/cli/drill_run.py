"""Run a drill with traffic, and check its objectives.

PLAN.yaml says what fails, for how long, what clients send meanwhile, and what they may
notice. Exit code 0: all objectives met; 1: not met, or not measurable.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from policies.basics.durations import duration_text
from policies.drill_plan.load import LoadedPlan, load_plan
from policies.drill_plan.model import DrillPlan
from router.api.client import AdminClient
from router.cli.project import client_for, url_argument
from router.signals import exit_code
from router.terminal.console import complain, counted, err, print_json, say
from router.terminal.errors import UsageError
from router.terminal.files import not_valid, print_findings, read_file

if TYPE_CHECKING:
    from router.drill.result import Result


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("plan", metavar="PLAN.yaml", help="the plan, - for standard input")
    parser.add_argument(
        "--report",
        metavar="report.html",
        type=Path,
        help="write an HTML report, and report.json beside it",
    )
    parser.add_argument("--json", action="store_true", help="the whole result as JSON")
    parser.add_argument("--check", action="store_true", help="only check the plan; send nothing")
    url_argument(parser)


def run(args: Namespace) -> int:
    loaded, plan = _read(args.plan)
    if args.check:
        if args.json:
            print_json({"valid": True, "digest": loaded.digest})
        else:
            say(("valid", "green"), f" {args.plan}: {_outline(plan)}, digest {loaded.digest[:12]}")
        return 0
    _refuse_unwritable(args.report)
    from router.cli.drill_verdict import tell
    from router.drill.ending import write  # httpx takes longer than most commands

    result, interrupted = _conduct(args.plan, loaded, plan, client_for(args))
    if args.json:
        if result.course.trouble:
            complain(result.course.trouble)
        print_json(result.document())
    else:
        tell(result)
    if args.report and result.run.outcomes:
        write(args.report, result)
        say(("report", "bold"), f" {args.report}, {args.report.with_suffix('.json')}", to=err)
    return exit_code(interrupted) if interrupted else int(result.verdict != "met")


def _conduct(
    file: str, loaded: LoadedPlan, plan: DrillPlan, client: AdminClient
) -> tuple[Result, KeyboardInterrupt | None]:
    """Run the drill. Returns the result, and what interrupted it."""
    from router.cli.drill_progress import Progress
    from router.cli.running import run_async
    from router.drill.conduct import Conductor
    from router.drill.result import Result
    from router.drill.survey import survey

    with client:
        router = survey(client, plan)
        conductor = Conductor(plan, client, router, Progress(plan, router))
        say(("drill", "bold"), f" {_outline(plan)}", to=err)
        started_at, interrupted = datetime.now(UTC), None
        try:
            run_async(conductor.run())
        except KeyboardInterrupt as error:
            interrupted = error
    run = conductor.outcomes_so_far()
    return Result(file, loaded, plan, router, conductor.course, run, started_at), interrupted


def _read(file: str) -> tuple[LoadedPlan, DrillPlan]:
    loaded = load_plan(read_file(file))
    if loaded.plan is None:
        print_findings(file, loaded.findings, err)
        raise not_valid(file, loaded.findings)
    return loaded, loaded.plan


def _outline(plan: DrillPlan) -> str:
    """Return a summary of the plan, in a line."""
    phases, rate = plan.phases, plan.traffic.rate
    length = phases.baseline + phases.failure + phases.recovery
    total = int(length / 1000 / rate.interval_s)
    what = f"{plan.drill.target} {plan.drill.mode.text} for {duration_text(phases.failure)}"
    return f"{what}, {counted(total, 'request')} in {duration_text(length)}"


def _refuse_unwritable(report: Path | None) -> None:
    """Raise UsageError if the report cannot be written: before the run, not after it."""
    if report is None:
        return
    if report.suffix == ".json":
        raise UsageError("--report names the HTML file: report.json is written beside it")
    if not report.resolve().parent.is_dir():
        raise UsageError(f"cannot write {report}: its folder does not exist")
