"""Go back to a policy of the history: a push of the same bytes, with a history of its own.

Without DIGEST: to the one that the live policy replaced. Exit codes as of `router push`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from policies.language.load import digest_of, load
from router.cli.places import agree_of, publish_arguments, publisher_of, told_as_json
from router.dev.kv import Kv
from router.publishing.history import SHORT, Entry, find
from router.publishing.publish import Order
from router.publishing.published import Published, read
from router.publishing.write import Change
from router.terminal.console import counted, err
from router.terminal.errors import Failed
from router.terminal.files import print_findings


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "digest", nargs="?", metavar="DIGEST", help="which one; its first digits are enough"
    )
    publish_arguments(parser)


def run(args: Namespace) -> int:
    def rollback() -> dict[str, Any]:
        with publisher_of(args) as publisher:
            kv = publisher.place.kv
            seen = read(kv)
            entry = _wanted(seen, args.digest)
            publisher.reporter.tell(("back", "green"), f" to {entry.told()}")
            change = _change(kv, entry, args.note)
            order = Order(entry.digest[:SHORT], agree=agree_of(args))
            return publisher.publish(change, order, seen)

    return told_as_json(args, rollback)


def _wanted(seen: Published, prefix: str | None) -> Entry:
    return seen.before() if prefix is None else find(seen.history, prefix)


def _change(kv: Kv, entry: Entry, note: str) -> Change:
    """Its bytes as they were; they must be valid by today's rules."""
    data = kv.get(entry.key)
    if data is None or digest_of(data) != entry.digest:
        raise Failed(f"{entry.key} does not hold the policy of its name")
    loaded = load(data)
    if loaded.policy is None:
        print_findings(entry.digest[:SHORT], loaded.findings, err)
        number = counted(len(loaded.findings), "finding")
        raise Failed(f"{entry.digest[:SHORT]} is not valid by today's rules ({number})")
    return Change(
        data, loaded, f"rollback to {entry.digest[:SHORT]}" + (f": {note}" if note else "")
    )
