"""Publish a policy to Workers KV, and read it back.

Written in this order, so that a push that breaks off changes nothing that serves: a copy
for the history, the compiled form, the policy as the last good one, for isolates that
start while KV holds a bad one, and last the policy itself, byte for byte.
"""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape

from policies.language.compile import compile_policy
from policies.language.load import Loaded
from router.cli.console import Failed, load_valid, out
from router.cli.dev import STATE
from router.dev.kv import WranglerKv
from router.dev.layout import Layout, find_root
from router.edge.keys import COMPILED_PREFIX, HISTORY_PREFIX, LAST_GOOD_KEY, POLICY_KEY

MAX_NOTE = 500  # characters; KV's metadata may have 1,024 bytes


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--local", action="store_true", help="to the KV of `router dev` (the default)"
    )
    where.add_argument("--remote", action="store_true", help="to Cloudflare, with wrangler's login")
    parser.add_argument("--note", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument(
        "--persist-to", metavar="DIR", type=Path, help="where `router dev` keeps its state"
    )


def run(args: Namespace) -> int:
    data, loaded = load_valid(args.file)
    layout = Layout(find_root())
    state = (args.persist_to or layout.root / STATE).resolve()
    kv = WranglerKv(layout, None if args.remote else state)
    out.print(f"[green]valid[/] {escape(args.file)}, digest {loaded.digest[:12]}")
    _write(kv, data, loaded, args.note[:MAX_NOTE])
    if kv.get(POLICY_KEY) != data:
        raise Failed(f"{kv.place}: what is there now is not what was written; push again")
    out.print(f"[green]pushed[/] to {escape(kv.place)}: read back, {len(data):,} bytes")
    if not args.remote:
        out.print(
            "[dim]Only this machine's `router dev` sees it; --remote pushes to Cloudflare.[/]"
        )
    return 0


def _write(kv: WranglerKv, data: bytes, loaded: Loaded, note: str) -> None:
    if loaded.policy is None:
        raise Failed("only a valid policy can be written")
    now = datetime.now(UTC)
    metadata = {
        "digest": loaded.digest,
        "time": now.isoformat(timespec="seconds"),
        "author": getpass.getuser()[:100],
        "note": note,
    }
    compiled = json.dumps(compile_policy(loaded.policy, loaded.digest), separators=(",", ":"))
    history = f"{HISTORY_PREFIX}{now:%Y%m%dT%H%M%SZ}-{loaded.digest}"
    for key, value, about in (
        (history, data, metadata),
        (COMPILED_PREFIX + loaded.digest, compiled.encode(), None),
        (LAST_GOOD_KEY, data, metadata),
        (POLICY_KEY, data, metadata),
    ):
        out.print(f"[dim]writing {key}[/]")
        kv.put(key, value, about)
