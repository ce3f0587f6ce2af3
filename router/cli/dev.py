"""Run the router and its variants on this machine, on the real Workers runtime.

It starts with the policy given by `--policy`, and takes over each change of that file. `router push
--local` replaces the policy, too.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection
from pathlib import Path

from policies.language.tooling.bindings import bindings_of, urls_of
from router.cli.project import refuse_lacking, shown
from router.cli.usage import KIT, Example, Usage
from router.dev.config import Outside
from router.dev.errors import SetupError
from router.dev.layout import Layout, find_root
from router.dev.loopback import refuse_taken
from router.dev.prepare import step
from router.dev.run import run_dev
from router.dev.watched import WatchedFiles
from router.publishing.history import SHORT
from router.publishing.place import local_place
from router.publishing.published import read
from router.publishing.write import Change, write
from router.terminal.console import complain, warn
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid, may_be_private

PORT = 8787  # wrangler's own default
STATE = Path(".wrangler/state")  # wrangler's own default
BEGINS = "`router dev` started with its file"  # for the history
CHANGED = "`router dev` saw its file change"
USAGE = Usage(
    examples=(
        Example("router dev", "the project, on port 8787"),
        Example("router dev --policy new.yaml --port 9000 --echo", "a policy, without Workers"),
    ),
    exits={0: "stopped by Ctrl-C or SIGTERM while it served", 1: "failure"},
    variables=("ROUTER_ALLOW_PRIVATE", "ROUTER_ADMIN_KEY", "ROUTER_KEY_PEPPER", *KIT),
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
        help=f"the folder for local state (default: {STATE})",
    )


def run(args: Namespace) -> int:
    layout = Layout(find_root())
    refuse_lacking(layout)
    policy = Path(args.policy or layout.root / "routes.yaml").resolve()
    allow_private = args.allow_private or may_be_private()
    data, loaded = load_valid(str(policy), allow_private=allow_private)
    if loaded.policy is None:
        return 1
    variants = bindings_of(loaded.policy)
    state = (args.persist_to or layout.root / STATE).resolve()
    refuse_taken(args.port)  # before anything that would disturb a running router
    if state.exists():
        _begin_with(layout, state, policy, Change(data, loaded, BEGINS))
    bound = {each["binding"] for each in layout.config.get("services", ())}
    bound |= set(variants.values()) if args.echo else set()

    def changed() -> None:
        take_over(layout, state, policy, bound, allow_private)

    outside = Outside(urls_of(loaded.policy), allow_private)
    watched = WatchedFiles([policy], changed)
    return run_dev(layout, policy, args.port, args.echo, state, variants, outside, watched.look)


def _begin_with(layout: Layout, state: Path, policy: Path, change: Change) -> None:
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
    layout: Layout, state: Path, policy: Path, bound: Collection[str], allow_private: bool
) -> None:
    """Serve the file as it is now; one that is not valid is told, and changes nothing."""
    try:
        data, loaded = load_valid(shown(policy), allow_private=allow_private)
        if loaded.policy is None:
            return
        change = Change(data, loaded, CHANGED)
        with local_place(layout, state) as place:
            seen = read(place.kv)
            if seen.digest == change.digest:
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
            hint = f"bind {binding} in {layout.config_file.name}, and start `router dev` again"
            warn(f"variant {variant} answers 502: {hint}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ArgumentTypeError(f"`{text}` is not a port: write a number from 1 to 65535")
    return int(text)
