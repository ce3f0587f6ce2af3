"""Tell how a running router is: its policy, its variants, its drills.

Exit code 0: it is well; 1: it is degraded, or does not answer, or has not the policy that
`--policy` names. What a single variant is
like does not count: the router copes with that.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.live import Live

from router.cli.client import Client, Refused, client_of, url_argument
from router.cli.console import Failed, complain, line_of, out, print_json
from router.cli.status_lines import Pages, lines
from router.cli.status_places import (
    are_same,
    compared,
    place_lines,
    policy_arguments,
    refuse_unused,
)

EVERY_S = 2.0


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--watch", action="store_true", help=f"tell it every {EVERY_S:.0f} s, until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="the router's own pages as JSON")
    url_argument(parser)
    policy_arguments(parser)


def run(args: Namespace) -> int:
    refuse_unused(args)
    with client_of(args.url) as client:
        if args.watch:
            return _watch(client, args.json)
        pages = _ask(client)
    digest = str(pages.status["policy"]["digest"])
    places = compared(args, pages.url, digest) if args.policy is not None else ()
    if args.json:
        told = {"places": [seen._asdict() for seen in places]} if places else {}
        print_json({**pages.document(), **told})
    else:
        out.print(_shown(pages))
        for line in place_lines(places) if places else ():
            out.print(line)
    return 0 if pages.is_ok and are_same(places) else 1


def _ask(client: Client) -> Pages:
    status = client.get("status")
    return Pages(client.url, status, _page(client, "health/variants"), _page(client, "drills"))


def _page(client: Client, name: str) -> Any:
    """A page that an older router lacks, or that needs the Coordinator, which is away."""
    try:
        return client.get(name)
    except Refused as error:
        if error.status in (404, 503):
            return None
        raise


def _shown(pages: Pages) -> Group:
    return Group(*lines(pages, datetime.now(UTC)))


def _watch(client: Client, as_json: bool) -> int:
    """Redraw, or print one after the other where nothing can be redrawn. A router that does
    not answer may do so again."""
    try:
        if as_json or not out.is_terminal:
            while True:
                _print(client, as_json)
                time.sleep(EVERY_S)
        with Live(console=out, auto_refresh=False) as live:
            while True:
                live.update(_view(client), refresh=True)
                time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return 0


def _view(client: Client) -> Group:
    """What fits on the screen: a line that wrapped would be redrawn in the wrong place."""
    clock = f"{datetime.now():%H:%M:%S}"
    try:
        told = [line_of((clock, "dim")), *lines(_ask(client), datetime.now(UTC))]
    except Failed as error:
        told = [line_of((clock, "dim"), "  ", (str(error), "bold red"))]
    for line in told:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*told)


def _print(client: Client, as_json: bool) -> None:
    try:
        pages = _ask(client)
    except Failed as error:
        complain(str(error))
        return
    if as_json:
        sys.stdout.write(json.dumps(pages.document(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        out.print(line_of((f"{datetime.now():%H:%M:%S}", "dim")), _shown(pages), sep="\n")
