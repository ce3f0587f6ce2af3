"""Compare the project with the installed version, and say what to change.

It looks at wrangler's configuration, the policy, router.toml, and where a version is pinned; with
--local or --remote also at the compiled form in KV. It changes nothing. The package itself is
upgraded by what installed it: `uv tool upgrade fiberwise-router`.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from policies.compiled.tables import FORMAT
from policies.language.load import digest_of
from router import __version__
from router.cli.project import POLICY, env_argument, layout_of, shown
from router.cli.usage import AT_CLOUDFLARE, Example, Usage
from router.dev.kv import Kv
from router.dev.layout import Layout
from router.dev.upgrade import Step, config_steps, pin_steps, settings_steps
from router.edge.isolate.keys import COMPILED_PREFIX, POLICY_KEY
from router.terminal.console import counted, print_json, say
from router.terminal.files import file_of, load_policy
from router.terminal.tables import table

HEAD = ("FILE", "FOUND", "WRITE")

USAGE = Usage(
    examples=(
        Example("router upgrade", "what to change"),
        Example("router upgrade --check --remote --json", "for CI, with Cloudflare's KV"),
    ),
    exits={0: "compared; with --check: there is nothing to do", 1: "failure; something to do"},
    variables=("ROUTER_ENV", *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", help="exit code 1 if there is something to do"
    )
    parser.add_argument("--json", action="store_true", help="the steps as JSON")
    env_argument(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="look at the KV of `router dev`, too")
    where.add_argument("--remote", action="store_true", help="look at the KV at Cloudflare, too")
    parser.add_argument(
        "--persist-to", metavar="DIR", type=Path, help="the folder of `router dev` for local state"
    )


def run(args: Namespace) -> int:
    layout = layout_of(args)
    steps = [*_steps(layout, args)]
    if args.json:
        document = {"version": __version__, "format": FORMAT, "up_to_date": not steps}
        print_json({**document, "steps": [step._asdict() for step in steps]})
    else:
        _print(layout.root, steps)
    return int(args.check and bool(steps))


def _steps(layout: Layout, args: Namespace) -> Iterator[Step]:
    yield from config_steps(layout.config, layout.config_name)
    yield from settings_steps(layout.root, layout.env)
    yield from _policy_steps(layout.root / POLICY, layout.env)
    yield from pin_steps(layout.root, __version__)
    if args.local or args.remote:
        from router.cli.places import place_of  # takes long to import

        with place_of(args) as place:
            yield from kv_steps(place.kv)


def _policy_steps(file: Path, env: str) -> Iterator[Step]:
    """Yield what this version does not take any more."""
    name = shown(file)
    for finding in load_policy(name, env)[1].findings:
        if finding.severity == "error":
            place = f"{file_of(finding, name)}:{finding.line}:{finding.column}"
            yield Step(place, f"{finding.path}: {finding.message}", finding.hint)


def kv_steps(kv: Kv) -> Iterator[Step]:
    """Yield what to do if isolates have to read the YAML, since the form is of another version."""
    data = kv.get(POLICY_KEY)
    if data is None:
        return
    form = kv.get(COMPILED_PREFIX + digest_of(data))
    found = format_of(form) if form is not None else None
    if found != FORMAT:
        what = "no compiled form" if found is None else f"a compiled form of format {found}"
        yield Step(kv.place, f"{what}: this version has {FORMAT}", f"router push {POLICY}")


def format_of(form: bytes) -> int | None:
    """The format in the first line; None if there is none."""
    try:
        head: Any = json.loads(form.partition(b"\n")[0])
    except ValueError:
        return None
    found = head.get("format") if isinstance(head, dict) else None
    return found if isinstance(found, int) else None


def _print(root: Path, steps: list[Step]) -> None:
    if steps:
        table(HEAD, steps)
        say((counted(len(steps), "step"), "yellow"), f" to version {__version__}")
    else:
        say(("nothing to do", "green"), f": {root} is as version {__version__} wants it")
