"""The live policy: what KV holds, read directly or from a running router."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple

from router.api.client import Refused, client_of
from router.cli.project import env_argument, env_of


class Live(NamedTuple):
    """`data` is None if nothing has been published. `place` is its name in messages."""

    data: bytes | None
    place: str


def live_arguments(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="the KV of `router dev` (the default)")
    where.add_argument(
        "--remote", action="store_true", help="the KV at Cloudflare, with wrangler's login"
    )
    where.add_argument("--url", metavar="U", help="the policy that the router at U reads from KV")
    parser.add_argument(
        "--persist-to", metavar="DIR", type=Path, help="the folder of `router dev` for local state"
    )
    env_argument(parser)


def live_policy(args: Namespace) -> Live:
    """Return the live policy of the place that the arguments name."""
    if args.url is not None:
        return _served(args.url, env_of(args))
    from router.cli.places import place_of  # takes long to import
    from router.edge.isolate.keys import POLICY_KEY

    with place_of(args) as place:
        return Live(place.kv.get(POLICY_KEY), place.kv.place)


def _served(url: str, env: str) -> Live:
    with client_of(url, env) as client:
        try:
            document = client.get("policy")
        except Refused as error:
            if error.code != "not-found":
                raise
            return Live(None, url)
    return Live(str(document["text"]).encode(), url)
