"""Write the live policy, or one from the history, to a file, and record it as the base.

A file is not overwritten if its content exists nowhere else: neither committed in git nor in
the history, nor one with an overlay, since what is live has both in one. A policy that goes to
standard output, or is not live, does not become the base.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from policies.language.load import digest_of
from router.cli.places import console_of, place_arguments, place_of
from router.cli.project import layout_of, shown
from router.cli.usage import AT_CLOUDFLARE, ENV, Example, Usage
from router.dev.files import write_if_changed
from router.dev.kv import Kv
from router.publishing.git import is_committed
from router.publishing.history import SHORT, find
from router.publishing.published import Published, read
from router.terminal.console import err, print_json, say, warn
from router.terminal.errors import Failed, UsageError
from router.terminal.files import overlay_of

FILE = "routes.yaml"
USAGE = Usage(
    examples=(
        Example("router pull --remote", "the live policy to routes.yaml"),
        Example("router pull - --digest 3f9a1c2b", "an earlier one to standard output"),
    ),
    exits={0: "written", 1: "KV cannot be read, or the file has changes that would be lost"},
    variables=(*ENV, *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help=f"the file to write, - for standard output (default: the project's {FILE})",
    )
    place_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--digest", metavar="D", help="a policy of the history; its first digits are enough"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite FILE, even if its content would be lost"
    )


def run(args: Namespace) -> int:
    if args.file == "-" and args.json:
        raise UsageError(
            "standard output can hold the policy or JSON, not both: leave out - or --json"
        )
    layout = layout_of(args)
    with place_of(args) as place:
        seen = read(place.kv)
        data = _wanted(place.kv, seen, args.digest)
        digest = digest_of(data)
        if args.file == "-":
            sys.stdout.buffer.write(data)
            say(f"{digest[:SHORT]} of {place.kv.place}", to=err)
            return 0
        path = Path(args.file) if args.file else layout.root / FILE
        if not args.force:
            _refuse_overlaid(path, layout.env)
            _refuse_loss(path, digest, seen)
        _write(path, data)
        if digest == seen.digest:
            place.base.write(digest, warn)
        document = {"place": place.kv.place, "file": str(path), "digest": digest}
    say(("pulled", "green"), f" {digest[:SHORT]} to {shown(path)}", to=console_of(args))
    if args.json:
        print_json({"result": "pulled", **document, "live": digest == seen.digest})
    return 0


def _wanted(kv: Kv, seen: Published, prefix: str | None) -> bytes:
    if prefix is None:
        if seen.data is None:
            raise Failed(f"nothing is live in {kv.place}")
        return seen.data
    entry = find(seen.history, prefix)
    data = kv.get(entry.key)
    if data is None or digest_of(data) != entry.digest:
        raise Failed(f"{entry.key} does not hold the policy that its name says")
    return data


def _refuse_overlaid(path: Path, env: str) -> None:
    overlay = overlay_of(str(path), env)
    if overlay is not None:
        raise Failed(
            f"{overlay} is laid over {path}, and the live policy has both in one: pull it to "
            f"another file (`router pull live.yaml --env {env}`), and take over what differs"
        )


def _refuse_loss(path: Path, digest: str, seen: Published) -> None:
    if not os.path.exists(path):  # also a name that pathlib does not take
        return
    try:
        there = digest_of(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot overwrite {path}: {error.strerror}") from None
    kept = {digest, seen.digest, *(entry.digest for entry in seen.history)}
    if there not in kept and not is_committed(path):
        raise Failed(
            f"{path} has changes that are neither committed nor in the history: "
            "commit them, pull to another file, or overwrite them with --force"
        )


def _write(path: Path, data: bytes) -> None:
    """Write through a link, and keep the file's mode."""
    target = Path(os.path.realpath(path))  # a link to itself is replaced
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        write_if_changed(target, data, mode)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
