"""Begin a router in a folder of its own, in front of Workers that are already there.

`--worker` names their folders, `--variant` their names at Cloudflare. Without either, a terminal is
asked. Nothing is overwritten: if a file is there, none is written.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote

from policies.basics.untyped import JsonObject
from router.cli.init_asking import asked
from router.cli.places import console_of
from router.cli.usage import Example, Usage
from router.dev.errors import SetupError
from router.dev.layout import here, is_router
from router.dev.wrangler_config import config_in, read_config
from router.scaffold.found import FoundWorker, read_worker
from router.scaffold.project import Plan, relative, write_project
from router.scaffold.roles import GIVEN, Role, read_variant, roles_of
from router.terminal.console import Output, print_json, say

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
MOST_NAME = 63  # as for all Workers
SUFFIX = "-router"
USAGE = Usage(
    examples=(
        Example("router init --worker ../api --worker ../api-next", "in front of two Workers"),
        Example("router init edge --variant production=api@eu --yes", "of one that is elsewhere"),
    ),
    exits={0: "all files were written", 1: "none was"},
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="FOLDER", help="the router's (default: here)"
    )
    parser.add_argument(
        "--worker",
        action="append",
        default=[],
        dest="workers",
        metavar="FOLDER",
        help="the folder of a Worker, or its wrangler configuration: the first serves, the second "
        "is the canary; may be repeated",
    )
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        dest="variants",
        metavar=GIVEN,
        help="a variant, and the name of its Worker at Cloudflare; may be repeated",
    )
    parser.add_argument("--name", metavar="N", help="the name of the router's Worker")
    parser.add_argument(
        "--jsonc", action="store_true", help="write wrangler.jsonc, not wrangler.toml"
    )
    parser.add_argument("--no-workflow", action="store_true", help="write no workflow for GitHub")
    parser.add_argument("--yes", action="store_true", help="ask nothing, as without a terminal")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: Namespace) -> int:
    folder = Path(os.path.normpath(here() / args.folder))
    _refuse_folder(folder, args.folder)
    variants = [read_variant(text) for text in args.variants]
    workers = [read_worker(Path(os.path.normpath(here() / each))) for each in args.workers]
    to = console_of(args)
    if not variants and not workers:
        variants, workers = asked(folder, args.yes, to)
    roles = roles_of(variants, workers)
    config = "wrangler.jsonc" if args.jsonc else "wrangler.toml"
    plan = Plan(folder, config, _name(args.name, roles), roles, not args.no_workflow)
    written = write_project(plan)
    steps = _next(folder)
    _tell(plan, written, steps, to)
    if args.json:
        print_json(_document(plan, written, steps))
    return 0


def _refuse_folder(folder: Path, given: str) -> None:
    own = "run `router init router` for a folder of its own"
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"{given} is no folder", where=given, hint=own)
    if folder == Path(os.path.expanduser("~")):
        raise SetupError(f"{folder} is your home folder", where=str(folder), hint=own)
    found = config_in(folder)
    if found and is_router(read_config(found)):
        hint = "run `router dev` there"
        raise SetupError(f"{folder} is a router project already", where=str(found), hint=hint)
    if found:
        own = "run `router init router --worker .` for a folder of its own"
        raise SetupError(f"{found} is another Worker's", where=str(found), hint=own)


def _name(given: str | None, roles: list[Role]) -> str:
    served = roles[0].service.removesuffix(f"-{roles[0].region}")[: MOST_NAME - len(SUFFIX)]
    name = given or f"{served.strip('-_')}{SUFFIX}".replace("_", "-")
    if not NAME.fullmatch(name):
        hint = "write lower-case letters, digits and `-`, such as `api-router`"
        raise SetupError(f"--name {name[:80]}", where="--name", hint=hint)
    if any(role.service == name for role in roles):
        hint = "give the router another --name"
        raise SetupError(f"{name} is a Worker behind the router", where="--name", hint=hint)
    return name


def _next(folder: Path) -> list[str]:
    """The commands that come next, from where the user stands."""
    into = relative(folder, here())
    begin = "" if into == "." else f"cd {quote(into)} && "
    return [f"{begin}router dev", "router test routes.yaml", "router deploy --dry-run"]


WHAT = ("run it here, and edit routes.yaml", "run its cases", "see what a deployment would be")


def _tell(plan: Plan, written: list[Path], steps: list[str], to: Output) -> None:
    say((f"{plan.name}", "bold"), f" in {plan.folder}", to=to)
    for path in written:
        say(f"  {relative(path, plan.folder)}", to=to)
    say(to=to)
    wide = max(len(role.variant) for role in plan.roles)
    for role in plan.roles:
        say(f"  {role.variant:<{wide}}  {_behind(role.worker, role, plan.folder)}", to=to)
    say(to=to)
    say("next:", to=to)
    width = max(len(step) for step in steps)
    for step, what in zip(steps, WHAT, strict=True):
        say("  ", (f"{step:<{width}}", "green"), f"  {what}", to=to)


def _behind(worker: FoundWorker | None, role: Role, folder: Path) -> str:
    where = f"{role.service}, {worker.kind} in {relative(worker.path, folder)}" if worker else ""
    where = where or f"{role.service}, not on this machine: the echo Worker stands in"
    return f"{where} (region {role.region})" if role.region else where


def _document(plan: Plan, written: list[Path], steps: list[str]) -> JsonObject:
    return {
        "result": "written",
        "folder": str(plan.folder),
        "name": plan.name,
        "files": [relative(path, plan.folder) for path in written],
        "variants": [
            {
                "variant": role.variant,
                "pool": role.pool,
                "binding": role.binding,
                "service": role.service,
                "region": role.region,
                "worker": str(role.worker.path) if role.worker else None,
            }
            for role in plan.roles
        ],
        "next": steps,
    }
