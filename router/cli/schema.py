"""Print the JSON Schema of routes.yaml, or of an environment's overlay, for editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from policies.language.tooling.schema import schema_text
from policies.overlays.schema import overlay_schema_text
from router.cli.usage import Example, Usage

USAGE = Usage(
    examples=(
        Example("router schema", "the schema"),
        Example("router schema > routes.schema.json", "to a file, for an editor's settings"),
        Example("router schema --overlay", "the schema of overlays, such as routes.staging.yaml"),
    ),
    exits={0: "printed"},
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--overlay", action="store_true", help="the schema of overlays, such as routes.staging.yaml"
    )


def run(args: Namespace) -> int:
    sys.stdout.write(overlay_schema_text() if args.overlay else schema_text())
    return 0
