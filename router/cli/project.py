"""What verbs about a whole project share: its environment, its policy, and its guards."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path

from policies.language.model.policy import Policy
from router.dev.guards import Objection, objections
from router.dev.layout import Layout, here
from router.dev.required import lacking
from router.terminal.errors import Failed
from router.terminal.files import load_valid

POLICY = "routes.yaml"
# The first that is set and not empty; the second is wrangler's own.
VARIABLES = ("ROUTER_ENV", "CLOUDFLARE_ENV")


def env_argument(parser: ArgumentParser) -> None:
    named = next(filter(None, map(os.environ.get, VARIABLES)), "")
    parser.add_argument(
        "--env",
        metavar="E",
        default=named,
        help="the environment of wrangler's configuration (default: ROUTER_ENV, or the top level)",
    )


def project_policy(layout: Layout) -> tuple[Path, Policy]:
    """The project's policy. Prints its findings and raises Failed if it is not valid."""
    file = layout.root / POLICY
    # Not as the environment says: what goes to production sends nothing into private networks.
    _, loaded = load_valid(shown(file), allow_private=False)
    if loaded.policy is None:
        raise Failed(f"{shown(file)} is not valid")
    return file, loaded.policy


def objected(layout: Layout, file: Path, policy: Policy, env: str) -> list[Objection]:
    """What must not go to production."""
    config = layout.config_for(env)
    name = layout.config_file.name + (f" [env.{env}]" if env else "")
    return objections(policy, shown(file), config, name)


def refuse_lacking(layout: Layout) -> None:
    """Raise Failed if the configuration lacks what a router needs, wherever it runs."""
    found = lacking(layout.config)
    if found:
        more = (
            f" (and {len(found) - 1} more: `router upgrade` lists them)" if len(found) > 1 else ""
        )
        raise Failed(found[0].text(shown(layout.config_file)) + more)


def shown(path: Path) -> str:
    """The path as it is reached from where the user stands."""
    folder = here()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
