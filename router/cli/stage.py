"""Gather what the router's Worker runs: the `[build]` command of its wrangler configuration.

The upload goes to `build/upload`, its packages to `python_modules`. What must not go to production
is refused, unless wrangler only runs it on this machine.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from router.cli.project import env_argument, layout_of, objected, project_policy
from router.cli.usage import ENV, KIT, Example, Usage
from router.dev.guards import is_deployment, is_trial
from router.dev.prepare import prepare_packages
from router.dev.stage import stage_project
from router.terminal.console import complain, warn

USAGE = Usage(
    examples=(
        Example("router stage", "what `wrangler deploy` runs"),
        Example("router stage --env staging", "for an environment of the configuration"),
    ),
    exits={0: "staged", 1: "refused"},
    variables=(*ENV, *KIT),
)


def arguments(parser: ArgumentParser) -> None:
    env_argument(parser)


def run(args: Namespace) -> int:
    layout = layout_of(args)
    file, policy = project_policy(layout)
    refuses = is_deployment()
    found = [] if is_trial() else objected(layout, policy)
    for objection in found:
        (complain if refuses else warn)(objection.message)
    if found and refuses:
        return 1
    prepare_packages(layout)
    stage_project(layout, file)
    return 0
