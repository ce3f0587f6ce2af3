"""Check the project and deploy its router, with wrangler and its login.

With `--dry-run` nothing is uploaded, and no login is needed: it shows what would be, and what would
be refused.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

from policies.basics.untyped import JsonObject
from router.cli.project import env_argument, layout_of, objected, project_policy
from router.cli.usage import AT_CLOUDFLARE, ENV, Example, Usage
from router.dev.errors import SetupError
from router.dev.layout import Layout
from router.dev.prepare import prepare_tools, step
from router.dev.stage import stage_project
from router.dev.upload import LIMIT_KIB, brief, deploy, dry_run
from router.publishing.deployed import record
from router.publishing.place import deployed_file
from router.terminal.console import complain, counted, print_json, say, warn

USAGE = Usage(
    examples=(
        Example("router deploy --dry-run", "all checks, and the size of the upload"),
        Example("router deploy --env staging --json", "an environment, from CI"),
    ),
    exits={0: "deployed; with --dry-run: it fits", 1: "refused; else wrangler's exit code"},
    variables=(*ENV, *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    env_argument(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show the upload and its checks, deploy nothing"
    )
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")


def run(args: Namespace) -> int:
    """With `--json`, standard output has nothing but the outcome."""
    with redirect_stdout(sys.stderr) if args.json else nullcontext():
        code, outcome = _deploy(args)
    if args.json:
        print_json(outcome)
    return code


def _deploy(args: Namespace) -> tuple[int, JsonObject]:
    layout = layout_of(args)
    file, policy = project_policy(layout)
    found = objected(layout, policy)
    for objection in found:
        (warn if args.dry_run else complain)(objection.message)
    refused_for = [objection.message for objection in found]
    outcome = {"env": layout.env or None, "refused_for": refused_for}
    if found and not args.dry_run:
        complain(f"not deployed: {counted(len(found), 'reason')} above")
        return 1, {"result": "refused", **outcome}
    prepare_tools(layout)
    with step("upload", f"staged with {file.name}"):
        stage_project(layout, file)
    if args.dry_run:
        code, size = _try(layout)
        if found:
            warn(f"a deployment would be refused: {counted(len(found), 'reason')} above")
        return code, {"result": "tried", **outcome, **size}
    code = deploy(layout, may_ask=not args.json)
    if code == 0:
        _record(layout, file)
    return code, {"result": "failed" if code else "deployed", **outcome}


def _record(layout: Layout, file: Path) -> None:
    """Only warns on failure: the deployment itself has succeeded."""
    try:
        place = deployed_file(layout)
    except SetupError as error:  # wrangler makes a KV namespace that has no id
        warn(f"deployed; {error}")
        return
    record(place, file.read_bytes(), warn)


def _try(layout: Layout) -> tuple[int, JsonObject]:
    built = dry_run(layout)
    for line in brief(built.output.splitlines()):
        say(line)
    say()
    fits = built.gzip_kib <= LIMIT_KIB
    verdict = "fits" if fits else "does not fit"
    say(f"upload: {built.gzip_kib:.0f} KiB gzip, {verdict} within {LIMIT_KIB:.0f} KiB")
    return 0 if fits else 1, {"gzip_kib": built.gzip_kib, "limit_kib": LIMIT_KIB, "fits": fits}
