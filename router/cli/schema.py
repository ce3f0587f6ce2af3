"""Print the JSON Schema of routes.yaml, or of an environment's overlay, for editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from policies.language.tooling.schema import schema_text
from policies.overlays.schema import overlay_schema_text


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--overlay", action="store_true", help="the schema of overlays, such as routes.staging.yaml"
    )


def run(args: Namespace) -> int:
    sys.stdout.write(overlay_schema_text() if args.overlay else schema_text())
    return 0
