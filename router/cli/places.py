"""Options of the commands that publish: which KV, and which router to wait for."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path

from policies.basics.durations import duration_ms
from router.api.client import URL, client_of
from router.cli.project import env_argument, env_of, layout_of, local_url, remote_url
from router.dev.layout import SetupError
from router.dev.prepare import prepare_wrangler
from router.publishing.edge import Edge, ask
from router.publishing.place import Place, local_place, remote_place
from router.publishing.publish import Publisher
from router.publishing.write import NotPublished
from router.terminal.console import (
    Output,
    agreed,
    complain,
    err,
    error_document,
    out,
    print_json,
)
from router.terminal.errors import Failed, UsageError
from router.terminal.reporter import ConsoleReporter

WAIT_LOCAL_S = 60.0  # a router reads KV every 10 s
WAIT_REMOTE_S = 180.0  # Cloudflare's locations also cache KV reads for a minute


def place_arguments(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="the KV of `router dev` (the default)")
    where.add_argument(
        "--remote", action="store_true", help="the KV at Cloudflare, with wrangler's login"
    )
    parser.add_argument(
        "--persist-to", metavar="DIR", type=Path, help="the folder of `router dev` for local state"
    )
    env_argument(parser)


def publish_arguments(parser: ArgumentParser) -> None:
    """Add the options that `push` and `rollback` share."""
    place_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--note", default="", metavar="TEXT", help="the reason, for the history")
    parser.add_argument("--yes", action="store_true", help="skip the prompt, as without a terminal")
    parser.add_argument(
        "--url",
        metavar="U",
        help=f"the router to wait for (default: ROUTER_URL, or with --local {URL}, with --remote "
        "what router.toml says)",
    )
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait", metavar="D", help="how long to wait, such as 60s; fail if no router answers"
    )
    waiting.add_argument("--no-wait", action="store_true", help="do not wait for a router")


@contextmanager
def place_of(args: Namespace) -> Iterator[Place]:
    layout = layout_of(args)
    if args.remote:
        with redirect_stdout(sys.stderr):  # standard output has only what was asked for
            prepare_wrangler(layout)
        yield remote_place(layout)
        return
    with local_place(layout, (args.persist_to or layout.state).resolve()) as place:
        yield place


@contextmanager
def publisher_of(args: Namespace) -> Iterator[Publisher]:
    """Yield a publisher. Messages go to standard error if standard output has JSON."""
    with place_of(args) as place, edge_of(args) as edge:
        yield Publisher(place, edge, ConsoleReporter(console_of(args)))


def agree_of(args: Namespace) -> Callable[[str], bool]:
    return lambda question: agreed(question, args.yes)


def console_of(args: Namespace) -> Output:
    return err if args.json else out


@contextmanager
def edge_of(args: Namespace) -> Iterator[Edge]:
    """Yield the router to wait for, if any. It is asked before anything is written, so that
    `--wait` fails in time."""
    within_s = _seconds(args.wait, WAIT_REMOTE_S if args.remote else WAIT_LOCAL_S)
    url = remote_url(args) if args.remote else local_url(args)
    if args.no_wait or url is None:
        if args.wait:
            raise UsageError("--wait with --remote needs --url, the router to wait for")
        yield Edge(None, None, within_s, "--no-wait" if args.no_wait else "no --url was given")
        return
    with ExitStack() as stack:
        try:
            client = stack.enter_context(client_of(url, env_of(args)))
            edge = Edge(client, ask(client), within_s)
        except Failed as why:
            if args.wait:
                raise Failed(f"{why}; nothing was written") from None
            edge = Edge(None, None, within_s, str(why))
        yield edge


def _seconds(text: str | None, default: float) -> float:
    milliseconds = default * 1000 if text is None else duration_ms(text)
    if not milliseconds:
        raise UsageError(f"--wait {str(text)[:80]}: not a duration: write 60s or 2m")
    return milliseconds / 1000


def told_as_json(args: Namespace, work: Callable[[], dict[str, object]]) -> int:
    """Run `work` and return the exit code; with `--json`, print its result or its failure."""
    try:
        document, code = work(), 0
    except NotPublished as error:
        complain(str(error))
        document, code = error.document, 1
    except (Failed, SetupError) as error:
        complain(str(error))
        refused = {"result": "failed", "message": str(error)}
        document, code = {**refused, **error_document(error)}, 1
    if args.json:
        print_json(document)
    return code
