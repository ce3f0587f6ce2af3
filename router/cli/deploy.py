"""Check the project and deploy its router, with wrangler and its login.

With `--dry-run` nothing is uploaded, and no login is needed: it shows what would be, and what would
be refused. The exit code is wrangler's; 1 if the project is refused.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from router.cli.project import env_argument, layout_of, objected, project_policy
from router.dev.layout import Layout
from router.dev.prepare import prepare_tools, step
from router.dev.stage import stage_project
from router.dev.upload import LIMIT_KIB, brief, deploy, dry_run
from router.publishing.deployed import record
from router.publishing.place import deployed_file
from router.terminal.console import complain, counted, say, warn


def arguments(parser: ArgumentParser) -> None:
    env_argument(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show the upload and its checks, deploy nothing"
    )


def _deploy(layout: Layout, file: Path) -> int:
    code = deploy(layout)
    if code == 0:
        record(deployed_file(layout), file.read_bytes(), warn)
    return code


def run(args: Namespace) -> int:
    layout = layout_of(args)
    file, policy = project_policy(layout)
    found = objected(layout, policy)
    for each in found:
        (warn if args.dry_run else complain)(each.message)
    if found and not args.dry_run:
        complain(f"not deployed: {counted(len(found), 'reason')} above")
        return 1
    prepare_tools(layout)
    with step("upload", f"staged with {file.name}"):
        stage_project(layout, file)
    if not args.dry_run:
        return _deploy(layout, file)
    done = dry_run(layout)
    for line in brief(done.output.splitlines()):
        say(line)
    say()
    fits = done.gzip_kib <= LIMIT_KIB
    verdict = "fits" if fits else "does not fit"
    say(f"upload: {done.gzip_kib:.0f} KiB gzip, {verdict} within {LIMIT_KIB:.0f} KiB")
    if found:
        warn(f"a deployment would be refused: {counted(len(found), 'reason')} above")
    return 0 if fits else 1
