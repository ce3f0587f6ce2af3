"""Go back to a policy of the history: push the same bytes again, as a new entry.

Without DIGEST, go back to the policy that the live one replaced.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from policies.language.load import digest_of, load
from router.cli.places import agree_of, publish_arguments, publisher_of, told_as_json
from router.cli.usage import ASKING, AT_CLOUDFLARE, Example, Usage
from router.dev.kv import Kv
from router.publishing.deployed import read_with_deployed
from router.publishing.history import SHORT, Entry, find
from router.publishing.publish import Order
from router.publishing.published import Published
from router.publishing.write import PolicyChange
from router.terminal.console import counted, err
from router.terminal.errors import Failed
from router.terminal.files import print_findings

USAGE = Usage(
    examples=(
        Example("router rollback --remote", "to the policy that the live one replaced"),
        Example("router rollback 3f9a1c2b --note 'errors in eu'", "to a policy of the history"),
    ),
    exits={0: "live, and served by the router that was waited for", 1: "not live"},
    variables=(*ASKING, "ROUTER_ADMIN_KEY", *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "digest",
        nargs="?",
        metavar="DIGEST",
        help="the policy to go back to; its first digits are enough",
    )
    publish_arguments(parser)


def run(args: Namespace) -> int:
    def rollback() -> dict[str, Any]:
        with publisher_of(args) as publisher:
            kv = publisher.place.kv
            seen = read_with_deployed(publisher.place, publisher.edge)
            entry = _wanted(seen, args.digest)
            publisher.reporter.tell(("rollback", "green"), f" to {entry.to_text()}")
            change = _change(kv, entry, args.note)
            order = Order(entry.digest[:SHORT], agree=agree_of(args))
            return publisher.publish(change, order, seen)

    return told_as_json(args, rollback)


def _wanted(seen: Published, prefix: str | None) -> Entry:
    return seen.before() if prefix is None else find(seen.history, prefix)


def _change(kv: Kv, entry: Entry, note: str) -> PolicyChange:
    """Return the entry's bytes as a change. Raises Failed if they are not valid today."""
    data = kv.get(entry.key)
    if data is None or digest_of(data) != entry.digest:
        raise Failed(f"{entry.key} does not hold the policy that its name says")
    loaded = load(data, allow_private=True)
    if loaded.policy is None:
        print_findings(entry.digest[:SHORT], loaded.findings, err)
        number = counted(len(loaded.findings), "finding")
        raise Failed(f"{entry.digest[:SHORT]} is not valid by the current rules ({number})")
    return PolicyChange(
        data, loaded, f"rollback to {entry.digest[:SHORT]}" + (f": {note}" if note else "")
    )
