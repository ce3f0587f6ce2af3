"""The command `router`: one verb a file; this file only finds the verb.

Every verb returns its exit code: 0 fine, 1 findings or failure, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from router import __version__
from router.cli import (
    dev,
    drill,
    explain,
    history,
    import_,
    keys,
    pull,
    push,
    rollback,
    rollout,
    schema,
    status,
    validate,
)
from router.cli.console import Failed, UsageError, complain
from router.dev.layout import SetupError

VERBS = (
    *(validate, explain, push, history, rollback, pull),
    *(keys, import_, schema, status, rollout, drill, dev),
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="router", description="A declarative traffic router at the edge.", allow_abbrev=False
    )
    root.add_argument("--version", action="version", version=f"fiberwise-router {__version__}")
    verbs = root.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2].removesuffix("_")  # of Python's own words
        summary = (verb.__doc__ or "").strip().split("\n")[0]
        added = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        verb.arguments(added)
        added.set_defaults(run=verb.run)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal may lack a character of a policy
            stream.reconfigure(errors="backslashreplace")
    args = parser().parse_args(arguments)
    try:
        code: int = args.run(args)
    except UsageError as error:
        complain(str(error))
        return 2
    except (Failed, SetupError) as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
