"""Inject failures that end by themselves: start, stop and list drills, or run one with traffic.

The running router keeps the drill: it ends on time even if this command has exited or this
machine is off.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from policies.basics.callers import caller_text
from policies.basics.durations import duration_text
from policies.fleet.drill_question import NotStartable, read_asked
from policies.resilience.drill import KINDS
from router.api.client import Refused
from router.api.refusal import gap_texts
from router.cli import drill_run
from router.cli.project import client_for, url_argument
from router.cli.usage import ASKING, Example, Usage
from router.terminal.console import complain, err, print_json, say
from router.terminal.errors import UsageError
from router.terminal.tables import table
from router.terminal.times import clock

if TYPE_CHECKING:
    from policies.api.drills import Drill, Drills, EndedDrill, ScheduledDrill, StoppedDrills

MAX_PAST = 10  # listed; `--json` has all that the router keeps
USAGE = Usage(
    examples=(
        Example("router drill start --variant canary --mode errors:30% --for 10m", "one variant"),
        Example("router drill run lose-europe.yaml --report report.html", "with traffic"),
        Example("router drill stop", "end all of them"),
    ),
    exits={0: "done; `run`: all objectives met", 1: "refused or failed; `run`: not met"},
    variables=(
        *ASKING,
        "ROUTER_ADMIN_KEY",
    ),
)


def arguments(parser: ArgumentParser) -> None:
    verbs = "start | stop | list | run"
    actions = parser.add_subparsers(dest="action", required=True, metavar=verbs)
    start = actions.add_parser("start", help="make a region, a variant or a pool fail")
    target = start.add_mutually_exclusive_group(required=True)
    target.add_argument("--region", metavar="R", help="all variants of this region")
    target.add_argument("--variant", metavar="V", help="one variant")
    target.add_argument("--pool", metavar="P", help="all variants of this pool")
    start.add_argument(
        "--mode", required=True, metavar="M", help="the failure: down, errors:30%% or latency:2s"
    )
    start.add_argument(
        "--for", required=True, metavar="D", dest="duration", help="the duration, such as 10m"
    )
    start.add_argument(
        "--force", action="store_true", help="start even if no variant would be left for a route"
    )
    stop = actions.add_parser("stop", help="end one drill, or all running drills")
    stop.add_argument("id", nargs="?", metavar="ID", help="the drill to end (default: all)")
    listing = actions.add_parser("list", help="list running, scheduled and past drills")
    running = actions.add_parser("run", help="run a drill with traffic, and check its objectives")
    drill_run.arguments(running)
    for verb in (start, stop, listing):
        verb.add_argument("--json", action="store_true", help="print JSON")
        url_argument(verb)


def run(args: Namespace) -> int:
    return ACTIONS[args.action](args)


def _start(args: Namespace) -> int:
    request: dict[str, Any] = {"mode": args.mode, "for": args.duration, "force": args.force}
    request |= {kind: getattr(args, kind) for kind in KINDS if getattr(args, kind) is not None}
    try:
        read_asked(json.dumps(request), "")
    except NotStartable as error:
        raise UsageError(str(error)) from None
    try:
        with client_for(args) as client:
            drill = client.post("drills", request)
    except Refused as error:
        if error.code != "drill-refused":
            raise
        return _tell_refusal(error, args.json)
    if args.json:
        print_json(drill)
        return 0
    say(
        ("started", "green"),
        f" {drill['id']}: {_what(drill)}, until {clock(drill['ends_at'])} UTC",
    )
    say((f"It ends by itself. `router drill stop {drill['id']}` ends it earlier.", "dim"))
    return 0


def _tell_refusal(error: Refused, as_json: bool) -> int:
    if as_json:
        print_json(error.document)
        return 1
    gaps = gap_texts(error.document)
    if not gaps:
        complain(f"refused: {error.document.get('reason')}")
        return 1
    complain("refused: no variant would be left for")
    for gap in gaps:
        say(f"    {gap}", to=err)
    hint = " choose a smaller target, stop another drill, or start it anyway with --force"
    say("    ", ("hint:", "cyan"), hint, to=err)
    return 1


def _stop(args: Namespace) -> int:
    page = f"drills/{quote(args.id, safe='')}" if args.id else "drills"
    with client_for(args) as client:
        answer: StoppedDrills = client.delete(page)
    if args.json:
        print_json(answer)
        return 0
    for drill in answer["ended"]:
        say(("stopped", "yellow"), f" {drill['id']}: {_what(drill)}")
    if not answer["ended"]:
        say("no drill is running")
    return 0


def _list(args: Namespace) -> int:
    with client_for(args) as client:
        listed: Drills = client.get("drills")
    if args.json:
        print_json(listed)
        return 0
    if not any(listed.values()):
        say("no drill is running, and none is scheduled")
    past = listed["past"][:MAX_PAST]
    lists: tuple[Sequence[Any], ...] = (listed["active"], listed["scheduled"], past)
    for (name, (head, row)), drills in zip(TABLES.items(), lists, strict=True):
        if drills:
            say((name, "cyan"))
            table(head, map(row, drills))
    return 0


def _what(drill: Drill | ScheduledDrill) -> str:
    kind = next(kind for kind in KINDS if kind in drill)
    return f"{kind} {drill[kind]} {drill['mode']}"


def _active(drill: Drill) -> list[str]:
    begins, ends = (datetime.fromisoformat(drill[at]) for at in ("started_at", "ends_at"))
    length = duration_text(round((ends - begins).total_seconds()) * 1000)
    by = caller_text(drill["by"]) + (", forced" if drill["forced"] else "")
    name = drill["name"] or ""
    return [drill["id"], _what(drill), length, clock(drill["ends_at"]), by, name]


def _scheduled(drill: ScheduledDrill) -> list[str]:
    when = [drill["schedule"], clock(drill["next_at"])]
    return [drill["name"], _what(drill), drill["for"], *when]


def _past(drill: EndedDrill) -> list[str]:
    why = drill["why"] + (f" by {caller_text(drill['ended_by'])}" if drill["ended_by"] else "")
    times = [clock(drill["started_at"]), clock(drill["ended_at"])]
    return [drill["id"], _what(drill), *times, why]


Row = Callable[[Any], list[str]]
TABLES: dict[str, tuple[list[str], Row]] = {
    "active": (["ID", "WHAT", "FOR", "UNTIL (UTC)", "BY", "NAME"], _active),
    "scheduled": (["NAME", "WHAT", "FOR", "SCHEDULE", "NEXT (UTC)"], _scheduled),
    "past": (["ID", "WHAT", "FROM (UTC)", "TO (UTC)", "ENDED BECAUSE"], _past),
}
ACTIONS: dict[str, Callable[[Namespace], int]] = {
    "start": _start,
    "stop": _stop,
    "list": _list,
    "run": drill_run.run,
}
