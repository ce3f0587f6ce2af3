"""Show the state of a running router: its policy, variants, drills and rollouts.

The health of single variants does not degrade a router, which works around it.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from rich.console import Group

from router.api.client import URL, AdminClient, Refused
from router.cli.project import client_for
from router.cli.status_lines import Pages, lines
from router.cli.status_places import (
    are_same,
    compared,
    place_lines,
    policy_arguments,
    refuse_unused,
)
from router.cli.usage import ASKING, AT_CLOUDFLARE, Example, Usage
from router.cli.watch import EVERY_S, Watched, watch
from router.signals import Terminated
from router.terminal.console import line_of, out, print_json, print_json_line

USAGE = Usage(
    examples=(
        Example("router status", "of `router dev`"),
        Example("router status --url https://api.example.com --watch", "refreshed"),
        Example("router status --policy routes.yaml --json", "do file, KV and router agree?"),
    ),
    exits={
        0: "ok; with --watch: ended by Ctrl-C",
        1: "degraded, no answer, or another policy than --policy",
    },
    variables=(*ASKING, "ROUTER_ADMIN_KEY", *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--watch", action="store_true", help=f"refresh every {EVERY_S:.0f} s, until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="the router's admin pages as JSON")
    parser.add_argument(
        "--url", metavar="U", help=f"the router (default: ROUTER_URL, router.toml, or {URL})"
    )
    policy_arguments(parser)


def run(args: Namespace) -> int:
    refuse_unused(args)
    with client_for(args) as client:
        if args.watch:
            return _watch(client, args.json)
        pages = _ask(client)
    digest = str(pages.status["policy"]["digest"])
    places = compared(args, pages.url, digest) if args.policy is not None else ()
    if args.json:
        extra = {"places": [seen._asdict() for seen in places]} if places else {}
        print_json({**pages.document(), **extra})
    else:
        out.rich.print(_shown(pages))
        for line in place_lines(places) if places else ():
            out.rich.print(line)
    return 0 if pages.is_ok and are_same(places) else 1


def _ask(client: AdminClient) -> Pages:
    status = client.get("status")
    return Pages(
        *(client.url, status, _page(client, "health/variants")),
        *(_page(client, "drills"), _page(client, "rollouts")),
    )


def _page(client: AdminClient, name: str) -> Any:
    """Return a page; None if an older router lacks it or the Coordinator is unavailable."""
    try:
        return client.get(name)
    except Refused as error:
        if error.status in (404, 503):
            return None
        raise


def _shown(pages: Pages) -> Group:
    return Group(*lines(pages, datetime.now(UTC)))


def _watch(client: AdminClient, as_json: bool) -> int:
    """Watch until Ctrl-C."""
    watched = Watched(
        lambda: _ask(client),
        lambda pages: lines(pages, datetime.now(UTC)),
        _print_json_line if as_json else _print,
        lambda _: None,
    )
    try:
        return watch(watched, redraw=not as_json)
    except Terminated:
        raise
    except KeyboardInterrupt:
        return 0


def _print_json_line(pages: Pages) -> None:
    print_json_line(pages.document())


def _print(pages: Pages) -> None:
    out.rich.print(line_of((f"{datetime.now():%H:%M:%S}", "dim")), _shown(pages), sep="\n")
