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

from policies.language.compile import compile_policy
from policies.language.load import Loaded
from router.cli.console import Failed, UsageError, load_valid, print_difference, say
from router.cli.dev import STATE
from router.dev.kv import WranglerKv
from router.dev.layout import Layout, find_root
from router.edge.keys import COMPILED_PREFIX, HISTORY_PREFIX, LAST_GOOD_KEY, POLICY_KEY

MAX_METADATA = 1024  # bytes, Workers KV's limit


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
    now = datetime.now(UTC)
    metadata = _metadata(loaded, now, args.note)
    say(("valid", "green"), f" {args.file}, digest {loaded.digest[:12]}")
    if args.remote:
        _warn_of_unbound(layout, loaded)
    _print_difference(kv.get(POLICY_KEY), data)
    _write(kv, data, loaded, metadata, now)
    if kv.get(POLICY_KEY) != data:
        raise Failed(f"{kv.place}: what is there now is not what was written; push again")
    say(("pushed", "green"), f" to {kv.place}: read back, {len(data):,} bytes")
    if not args.remote:
        say(("Only this machine's `router dev` sees it; --remote pushes to Cloudflare.", "dim"))
    return 0


def _metadata(loaded: Loaded, now: datetime, note: str) -> dict[str, str]:
    try:
        author = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        author = "unknown"
    metadata = {
        "digest": loaded.digest,
        "time": now.isoformat(timespec="seconds"),
        "author": author[:100],
        "note": note,
    }
    size = len(json.dumps(metadata).encode())
    if size > MAX_METADATA:
        raise UsageError(f"--note is too long by {size - MAX_METADATA} bytes")
    return metadata


def _warn_of_unbound(layout: Layout, loaded: Loaded) -> None:
    services = layout.read_toml(layout.wrangler_toml).get("services", ())
    bound = {service["binding"] for service in services}
    for name, variant in (loaded.policy.variants if loaded.policy else {}).items():
        if variant.binding not in bound:
            what = f" wrangler.toml has no service binding {variant.binding}: "
            effect = f"requests for variant {name} will be answered with 502"
            say(("warning", "yellow"), what, effect)


def _print_difference(before: bytes | None, data: bytes) -> None:
    if before is None or before == data:
        say("nothing was published before" if before is None else "no difference")
        return
    print_difference(before, data, "published", "new")


def _write(
    kv: WranglerKv, data: bytes, loaded: Loaded, metadata: dict[str, str], now: datetime
) -> None:
    if loaded.policy is None:
        raise Failed("only a valid policy can be written")
    compiled = json.dumps(compile_policy(loaded.policy, loaded.digest), separators=(",", ":"))
    history = f"{HISTORY_PREFIX}{now:%Y%m%dT%H%M%SZ}-{loaded.digest}"
    for key, value, about in (
        (history, data, metadata),
        (COMPILED_PREFIX + loaded.digest, compiled.encode(), None),
        (LAST_GOOD_KEY, data, metadata),
        (POLICY_KEY, data, metadata),
    ):
        say((f"writing {key}", "dim"))
        kv.put(key, value, about)
