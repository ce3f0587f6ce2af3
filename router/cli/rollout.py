"""Move traffic to a canary step by step: start, watch, approve, pause, promote, roll back.

The router takes the steps by itself, even if this command has exited or this machine is off.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Group

from policies.basics.callers import caller_text
from router.api.client import Refused
from router.cli import rollout_settle, rollout_watch
from router.cli.project import client_for, url_argument
from router.cli.rollout_asking import act, all_of, events_of, name_of, one_of
from router.cli.rollout_lines import lines, overview
from router.cli.rollout_texts import STATES, line_text, percent
from router.cli.usage import ASKING, Example, Usage
from router.terminal.console import agreed, complain, out, print_json, say
from router.terminal.tables import table
from router.terminal.times import clock, time_of

if TYPE_CHECKING:
    from policies.api.rollouts import OneRollout, RolloutCommand, RolloutEvent, Rollouts

MAX_EVENTS = 1_000
EVENTS = 50  # the default of --limit

HELP = {
    "start": "start with the first step",
    "approve": "go on to the next step, if the rollout waits for approval",
    "pause": "stay at the current step",
    "resume": "continue after a pause or a hold",
    "promote": "send all traffic to the canary now",
    "rollback": "send no traffic to the canary any more",
}
FORCED = {
    "start": "start even if users would move back to the old version",
    "resume": "resume even if the reason for the hold persists",
    "promote": "promote even if the last analysis failed",
}
QUESTIONS = {
    "promote": "Send all traffic of this rollout to its canary now?",
    "rollback": "Take all traffic of this rollout away from its canary now?",
}
USAGE = Usage(
    examples=(
        Example("router rollout start v2 --watch", "begin, and watch to the end"),
        Example("router rollout rollback v2 --note 'slow' --yes", "back to the old version"),
        Example("router rollout settle v2 --remove", "write the outcome into routes.yaml"),
    ),
    exits={0: "done; with --watch: promoted", 1: "refused, failed, or rolled back"},
    variables=(*ASKING, "ROUTER_ALLOW_PRIVATE", "ROUTER_ADMIN_KEY"),
)


def arguments(parser: ArgumentParser) -> None:
    verbs = f"{' | '.join(HELP)} | status | history | settle"
    actions = parser.add_subparsers(dest="action", required=True, metavar=verbs)
    for name, summary in HELP.items():
        action = _action(actions, name, summary)
        action.add_argument("--note", metavar="TEXT", help="the reason, for the history")
        if name in FORCED:
            action.add_argument("--force", action="store_true", help=FORCED[name])
        if name in QUESTIONS:
            action.add_argument("--yes", action="store_true", help="skip the prompt")
        if name == "start":
            action.add_argument(
                "--watch", action="store_true", help="watch the rollout until it ends"
            )
    status = _action(actions, "status", "show the state of a rollout and the health of its pools")
    status.add_argument("--watch", action="store_true", help="watch the rollout until it ends")
    history = _action(actions, "history", "show what happened, newest first")
    history.add_argument(
        "--limit",
        type=_limit,
        default=EVENTS,
        metavar="N",
        help=f"at most N events (default: {EVENTS})",
    )
    rollout_settle.arguments(
        _action(actions, "settle", "write a finished rollout into the policy file")
    )


def _action(actions: Any, name: str, summary: str) -> ArgumentParser:
    """Add a verb with the arguments that all verbs share."""
    action: ArgumentParser = actions.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    action.add_argument(
        "name", nargs="?", metavar="NAME", help="the rollout (default: the only one)"
    )
    action.add_argument("--json", action="store_true", help="print JSON")
    url_argument(action)
    return action


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_EVENTS):
        raise ArgumentTypeError(f"`{text[:20]}` is not a number from 1 to {MAX_EVENTS}")
    return int(text)


def run(args: Namespace) -> int:
    return ACTIONS.get(args.action, _act)(args)


def _act(args: Namespace) -> int:
    with client_for(args) as client:
        name = name_of(client, args.name)
        question = QUESTIONS.get(args.action)
        if question and not agreed(f"{name}: {question}", args.yes):
            complain("nothing was done")
            return 1
        body: RolloutCommand = {}
        if args.note:
            body["note"] = args.note
        if getattr(args, "force", False):
            body["force"] = True
        try:
            rollout = act(client, name, args.action, body)
        except Refused as error:
            if error.code != "rollout-refused":
                raise
            return _tell_refusal(error, args.json)
        watches = args.action == "start" and args.watch
        if args.json and not watches:
            print_json(rollout)
        elif not args.json:
            say((line_text(rollout), STATES.get(rollout["state"], "")))
        return rollout_watch.watch_rollout(client, rollout, args.json) if watches else 0


def _tell_refusal(error: Refused, as_json: bool) -> int:
    if as_json:
        print_json(error.document)
    else:
        complain(f"refused: {error.document.get('detail') or error.document.get('reason')}")
    return 1


def _status(args: Namespace) -> int:
    with client_for(args) as client:
        if args.watch:
            rollout = one_of(client, name_of(client, args.name))["rollout"]
            return rollout_watch.watch_rollout(client, rollout, args.json)
        page: Rollouts | OneRollout
        if args.name is None:
            page = everything = all_of(client)
            all_told = everything["rollouts"]
        else:
            page = one = one_of(client, args.name)
            all_told = [one["rollout"]]
    if args.json:
        print_json(page)
        return 0
    at = time_of(page["at"])
    if len(all_told) == 1 and at:
        out.rich.print(Group(*lines(all_told[0], at)))
    elif all_told:
        out.rich.print(Group(*overview(all_told)))
    else:
        say("the policy has no rollouts")
    return 0


def _history(args: Namespace) -> int:
    with client_for(args) as client:
        name = name_of(client, args.name)
        page = events_of(client, name, args.limit)
    if args.json:
        print_json(page)
    elif page["events"]:
        table(["TIME (UTC)", "EVENT", "WEIGHT", "BY", "REASON"], map(_event, page["events"]))
    else:
        say(f"{name} has no events yet")
    return 0


def _event(event: RolloutEvent) -> list[str]:
    before, after = ("-" if w is None else percent(w) for w in (event["before"], event["weight"]))
    weight = before if before == after else f"{before} → {after}"
    why = "; ".join(text for text in (event["reason"], event["note"]) if text)
    what = event["event"].removeprefix("rollout-")
    return [clock(event["at"]), what, weight, caller_text(event["by"] or ""), why]


ACTIONS: dict[str, Callable[[Namespace], int]] = {
    "status": _status,
    "history": _history,
    "settle": rollout_settle.run,
}
