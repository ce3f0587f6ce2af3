"""Run drills: failures that are planned, and end by themselves."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from router.cli import drill_run


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="run")
    running = actions.add_parser("run", help=(drill_run.__doc__ or "").partition("\n")[0])
    drill_run.arguments(running)


def run(args: Namespace) -> int:
    return drill_run.run(args)
