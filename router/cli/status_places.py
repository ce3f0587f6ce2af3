"""Compares the policies of a file, of KV and of a running router."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import NamedTuple

from rich.text import Text

from policies.language.load import digest_of
from router.cli.places import place_arguments, place_of
from router.cli.project import policy_env
from router.edge.isolate.keys import POLICY_KEY
from router.publishing.history import SHORT
from router.terminal.console import line_of
from router.terminal.errors import UsageError
from router.terminal.files import load_policy, policy_name
from router.terminal.tables import columns


class Seen(NamedTuple):
    """`digest` is None where there is no policy."""

    place: str
    digest: str | None
    where: str


def policy_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="compare FILE, KV and the router; exit code 1 if they differ",
    )
    place_arguments(parser)


def refuse_unused(args: Namespace) -> None:
    if args.policy is None and (args.local or args.remote or args.persist_to):
        raise UsageError("--local, --remote and --persist-to need --policy")
    if args.policy is not None and args.watch:
        raise UsageError("--policy compares once: leave out --watch")


def compared(args: Namespace, url: str, edge_digest: str) -> tuple[Seen, ...]:
    env = policy_env(args, args.policy)
    file = Seen("file", load_policy(args.policy, env)[1].digest, policy_name(args.policy, env))
    with place_of(args) as place:
        data, where = place.kv.get(POLICY_KEY), place.kv.place
    kv = Seen("KV", digest_of(data) if data is not None else None, where)
    return file, kv, Seen("edge", edge_digest, url)


def are_same(places: tuple[Seen, ...]) -> bool:
    return len({seen.digest for seen in places}) <= 1


def place_lines(places: tuple[Seen, ...]) -> Iterator[Text]:
    yield Text()
    yield from columns(
        ((seen.place, "bold"), (seen.digest or "nothing")[:SHORT], seen.where) for seen in places
    )
    same = ("the same", "green") if are_same(places) else ("they differ", "bold red")
    yield line_of(same)
