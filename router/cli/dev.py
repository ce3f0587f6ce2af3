"""Run the router on this machine, on the real runtime, with all its variants.

The policy given is what it serves from the start; `router push --local` changes it while
it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from router.cli.console import load_valid
from router.dev.kv import WranglerKv
from router.dev.layout import Layout, find_root
from router.dev.prepare import step
from router.dev.run import run_dev
from router.dev.server import refuse_taken
from router.edge.keys import POLICY_KEY

PORT = 8787  # wrangler's own default
STATE = Path(".wrangler/state")  # wrangler's own default


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--policy", metavar="FILE", help="the policy (default: routes.yaml)")
    parser.add_argument("--port", metavar="N", type=_port, default=PORT, help=f"default: {PORT}")
    parser.add_argument(
        "--echo", action="store_true", help="put an echo Worker behind every variant"
    )
    parser.add_argument(
        "--persist-to", metavar="DIR", type=Path, help=f"where state is kept (default: {STATE})"
    )


def run(args: Namespace) -> int:
    root = find_root()
    policy = Path(args.policy or root / "routes.yaml").resolve()
    _, loaded = load_valid(str(policy))
    if loaded.policy is None:
        return 1
    variants = {name: variant.binding for name, variant in loaded.policy.variants.items()}
    state = (args.persist_to or root / STATE).resolve()
    refuse_taken(args.port)  # before anything that a running router would notice
    if state.exists():
        _replace_pushed(WranglerKv(Layout(root), state), policy)
    return run_dev(root, policy, args.port, args.echo, state, variants)


def _replace_pushed(kv: WranglerKv, policy: Path) -> None:
    """KV keeps what was pushed in an earlier run; this run begins with the file."""
    with step("kv", f"{policy.name} in place of what was pushed before"):
        pushed = kv.get(POLICY_KEY)
        if pushed is not None and pushed != policy.read_bytes():
            kv.put(POLICY_KEY, policy.read_bytes())


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ArgumentTypeError(f"`{text}` is not a port: write a number from 1 to 65535")
    return int(text)
