"""Run the router and its variants on this machine, on the real Workers runtime.

It starts with the policy given by `--policy`, and takes over each change of that file, and of its
overlay with `--env`. `router push --local` replaces the policy, too.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from policies.language.tooling.bindings import bindings_of, urls_of
from router.cli.project import (
    POLICY,
    env_argument,
    layout_of,
    overlay_place,
    refuse_lacking,
    shown,
    whole_file,
)
from router.cli.usage import ENV, KIT, Example, Usage
from router.dev.claim import claimed
from router.dev.config import Outside
from router.dev.errors import SetupError
from router.dev.layout import Layout
from router.dev.loopback import refuse_taken
from router.dev.prepare import step
from router.dev.run import run_dev
from router.dev.watched import WatchedFiles
from router.publishing.history import SHORT
from router.publishing.place import local_place
from router.publishing.published import read
from router.publishing.write import PolicyChange, write
from router.terminal.console import complain, warn
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid, may_be_private

PORT = 8787  # wrangler's own default
BEGINS = "`router dev` started with its file"  # for the history
CHANGED = "`router dev` saw its file change"
USAGE = Usage(
    examples=(
        Example("router dev", "the project, on port 8787"),
        Example("router dev --policy new.yaml --port 9000 --echo", "a policy, without Workers"),
    ),
    exits={0: "stopped by Ctrl-C or SIGTERM while it served", 1: "failure"},
    variables=(*ENV, "ROUTER_ALLOW_PRIVATE", "ROUTER_ADMIN_KEY", "ROUTER_KEY_PEPPER", *KIT),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--policy", metavar="FILE", help="the policy to start with (default: routes.yaml)"
    )
    parser.add_argument(
        "--port",
        metavar="N",
        type=_port,
        default=PORT,
        help=f"the port to listen on (default: {PORT})",
    )
    parser.add_argument(
        "--echo", action="store_true", help="serve every variant with an echo Worker"
    )
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="variants may have URLs in private networks, such as http://127.0.0.1:3000",
    )
    parser.add_argument(
        "--persist-to",
        metavar="DIR",
        type=Path,
        help="the folder for local state (default: .wrangler/state, with --env .wrangler/state-E)",
    )
    env_argument(parser)


def run(args: Namespace) -> int:
    layout = layout_of(args)
    refuse_lacking(layout)
    file = Path(args.policy or layout.root / POLICY).resolve()
    allow_private = args.allow_private or may_be_private()
    data, loaded = load_valid(str(file), layout.env, allow_private=allow_private)
    if loaded.policy is None:
        return 1
    policy = whole_file(layout, file, data)
    variants = bindings_of(loaded.policy)
    state = (args.persist_to or layout.state).resolve()
    refuse_taken(args.port)  # before anything that would disturb a running router
    is_first = not state.exists()
    bound = {each["binding"] for each in layout.config.get("services", ())}
    bound |= set(variants.values()) if args.echo else set()

    def changed() -> None:
        take_over(layout, state, file, bound, allow_private, data)

    outside = Outside(urls_of(loaded.policy), allow_private)
    watched = WatchedFiles([file, *overlay_place(file, layout.env)], changed)
    with claimed(state):
        if not is_first:
            _begin_with(layout, state, policy, PolicyChange(data, loaded, BEGINS))
        return run_dev(layout, policy, args.port, args.echo, state, variants, outside, watched.look)


def _begin_with(layout: Layout, state: Path, policy: Path, change: PolicyChange) -> None:
    """Write the file to KV, which still has the policy of an earlier run."""
    name = f"{policy.name} replaces the policy of the earlier run"
    with step("kv", name), local_place(layout, state) as place:
        seen = read(place.kv)
        if seen.data is None:
            return
        if seen.digest != change.digest:
            write(place.kv, change, seen)
        place.base.write(change.digest, warn)


def take_over(
    layout: Layout,
    state: Path,
    policy: Path,
    bound: Collection[str],
    allow_private: bool,
    bundled: bytes | None = None,
) -> None:
    """Serve the file as it is now; one that is not valid is told, and changes nothing. `bundled`:
    what serves while KV holds no policy."""
    try:
        data, loaded = load_valid(shown(policy), layout.env, allow_private=allow_private)
        if loaded.policy is None:
            return
        change = PolicyChange(data, loaded, CHANGED)
        with local_place(layout, state) as place:
            seen = read(place.kv)
            if seen.data is None:
                seen = replace(seen, deployed=bundled)
            if seen.replaced == change.digest:
                return
            with step(
                "kv", f"{policy.name} has changed: {change.digest[:SHORT]}, live within 10 s"
            ):
                write(place.kv, change, seen)
            place.base.write(change.digest, warn)
    except (Failed, SetupError, UsageError) as error:
        complain(f"{error}; what served before serves on")
        return
    for variant, binding in bindings_of(loaded.policy).items():
        if binding not in bound:
            hint = f"bind {binding} in {layout.config_name}, and start `router dev` again"
            warn(f"variant {variant} answers 502: {hint}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ArgumentTypeError(f"`{text}` is not a port: write a number from 1 to 65535")
    return int(text)
