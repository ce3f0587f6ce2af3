"""Print the JSON Schema of routes.yaml, for editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from policies.language.tooling.schema import schema_text
from router.cli.usage import Example, Usage

USAGE = Usage(
    examples=(
        Example("router schema", "the schema"),
        Example("router schema > routes.schema.json", "to a file, for an editor's settings"),
    ),
    exits={0: "printed"},
)


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments."""


def run(args: Namespace) -> int:
    sys.stdout.write(schema_text())
    return 0
