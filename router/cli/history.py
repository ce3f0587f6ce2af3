"""Show what was pushed, when, by whom and why, and which policy is live."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from router.cli.places import place_arguments, place_of
from router.cli.usage import AT_CLOUDFLARE, ENV, Example, Usage
from router.publishing.history import SHORT, Entry
from router.publishing.published import Published, read
from router.terminal.console import print_json, say
from router.terminal.tables import table

LIMIT = 20
HEAD = ("TIME (UTC)", "DIGEST", "AUTHOR", "", "NOTE")
USAGE = Usage(
    examples=(
        Example("router history", "what was pushed to `router dev`"),
        Example("router history --remote --limit 5 --json", "the newest at Cloudflare"),
    ),
    exits={0: "shown", 1: "KV cannot be read"},
    variables=(*ENV, *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    place_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_limit,
        default=LIMIT,
        help=f"show the newest N entries (default: {LIMIT})",
    )


def run(args: Namespace) -> int:
    with place_of(args) as place:
        seen, where = read(place.kv), place.kv.place
    if args.json:
        print_json(_document(seen, where, args.limit))
        return 0
    if seen.history:
        table(HEAD, [_row(entry, seen.live) for entry in seen.history[: args.limit]])
    else:
        say(f"no history in {where}")
    if seen.history[args.limit :]:
        say((f"there are older entries: --limit {len(seen.history)} shows all", "dim"))
    if seen.data is None:
        say(
            ("nothing is live", "yellow"),
            ": the router serves the policy that it was deployed with",
        )
    elif seen.live is None:
        text = f" {seen.digest[:SHORT]} is not in the history: it was written without `router push`"
        say(("live", "yellow"), text)
    return 0


def _row(entry: Entry, live: Entry | None) -> list[str]:
    mark = "live" if live and entry.key == live.key else ""
    author = str(entry.about.get("author") or "-")
    return [f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.digest[:SHORT], author, mark, entry.note]


def _document(seen: Published, where: str, limit: int) -> dict[str, object]:
    live = seen.live.key if seen.live else None
    return {
        "place": where,
        "live": {"digest": seen.digest, "key": live} if seen.data is not None else None,
        "entries": [
            {**entry.document(), "live": entry.key == live} for entry in seen.history[:limit]
        ],
    }


def _limit(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"`{text}` is not a number of entries: write 1 or more")
    return int(text)
