"""The command `router`. Each verb has a file; this one finds it.

Every verb returns its exit code: 0 success, 1 findings or failure, 2 wrong usage, unless its
`WRONG_USE` says otherwise.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Sequence
from errno import ENOSPC, EPIPE
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import Any

from router import __version__
from router.dev.errors import SetupError
from router.terminal.console import complain
from router.terminal.errors import Failed, UsageError

VERBS = (
    *("validate", "test", "diff", "explain", "push", "history", "rollback", "pull"),
    *("keys", "import", "schema", "status", "rollout", "drill", "dev", "stage", "deploy"),
)
WRONG_USE = 2


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all verbs, or of one, since importing all of them takes long."""
    root, verbs = _root()
    for name in VERBS if only is None else (only,):
        verb = _module(name)
        summary = (verb.__doc__ or "").strip().split("\n")[0]
        added = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        verb.arguments(added)
        added.set_defaults(run=verb.run)
    return root


def overview() -> argparse.ArgumentParser:
    """Return a parser that knows the verbs, but not their arguments: it imports none of them."""
    root, verbs = _root()
    for name in VERBS:
        spec = find_spec(_name(name))
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        summary = (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
        verbs.add_parser(name, help=summary)
    return root


def _root() -> tuple[argparse.ArgumentParser, Any]:
    root = argparse.ArgumentParser(
        prog="router", description="A declarative traffic router at the edge.", allow_abbrev=False
    )
    root.add_argument("--version", action="version", version=f"fiberwise-router {__version__}")
    return root, root.add_subparsers(dest="verb", required=True, metavar="COMMAND")


def _module(name: str) -> ModuleType:
    return import_module(_name(name))


def _name(verb: str) -> str:
    return f"router.cli.{verb}{'_' * iskeyword(verb)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    _prepare_streams()
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    verb = given[0] if given and given[0] in VERBS else None
    wrong_use: int = getattr(_module(verb), "WRONG_USE", WRONG_USE) if verb else WRONG_USE
    try:
        args = (parser(verb) if verb else overview()).parse_args(given)
        code: int = args.run(args)
        sys.stdout.flush()  # the reader may be gone
    except SystemExit as error:
        # 0 and 2 are argparse's, after help or an error; 1 means that the reader is gone.
        return wrong_use if error.code == WRONG_USE else int(bool(error.code))
    except UsageError as error:
        complain(str(error))
        return wrong_use
    except (Failed, SetupError) as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt as error:
        if str(error):
            complain(str(error))
        return 130
    except OSError as error:
        if error.errno not in (EPIPE, ENOSPC):
            if not error.filename:
                raise
            complain(f"cannot use {error.filename}: {error.strerror}")
            return 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the remaining output
        if error.errno == ENOSPC:
            complain(f"cannot write the whole output: {error.strerror}")
        return 1
    return code


def _prepare_streams() -> None:
    """Replace closed streams; escape characters that the terminal cannot show."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
