"""Print the JSON Schema of routes.yaml, for editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from policies.language.tooling.schema import schema_text


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments."""


def run(args: Namespace) -> int:
    sys.stdout.write(schema_text())
    return 0
