"""The command `router`. Each verb has a file; this one finds it.

Every verb returns its exit code: 0 success, 1 findings or failure, 2 wrong usage, unless its
`WRONG_USE` says otherwise. An error is one line on standard error; with `--json` it is also one
line of JSON on standard output: `error`, `where`, `hint`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from errno import ENOSPC, EPIPE
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from router import __version__
from router.cli.parsing import Parser
from router.dev.errors import SetupError
from router.signals import exit_code
from router.terminal.console import complain, print_error
from router.terminal.errors import Failed, UsageError

GROUPS = (
    ("begin", ("init",)),
    ("write a policy", ("validate", "test", "explain", "keys", "import", "schema")),
    ("publish it", ("diff", "push", "pull", "history", "rollback")),
    ("run a router", ("dev", "stage", "deploy")),
    ("operate it", ("status", "rollout", "drill")),
    ("set up", ("upgrade", "completion")),
)
VERBS = tuple(verb for _, verbs in GROUPS for verb in verbs)
WRONG_USE = 2
MOST_TOLD = 300  # characters of an error that names no file: it may be about hundreds of them
ASKED = "_ARGCOMPLETE"  # a variable, with which shells ask for completions
Begin = Callable[[], None] | None
ABOUT = "A declarative traffic router at the edge."
END = "`router COMMAND --help` shows the options of a command, examples and exit codes."


class Overview(Parser):
    """The parser of `router` itself. Its help has the verbs, in groups."""

    def format_help(self) -> str:
        wide = max(map(len, VERBS))
        blocks = [f"{self.format_usage()}\n{ABOUT}\n"]
        for title, verbs in GROUPS:
            lines = (f"    {verb:<{wide}}  {_summary(verb)}\n" for verb in verbs)
            blocks.append(f"{title}:\n{''.join(lines)}")
        return "\n".join([*blocks, f"{END}\n"])


def parser(only: str | None = None) -> Parser:
    """Return the parser of all verbs, or of one, since importing all of them takes long."""
    root, verbs = _root()
    for name in VERBS if only is None else (only,):
        verb = _module(name)
        summary, _, more = (verb.__doc__ or "").strip().partition("\n")
        added = verbs.add_parser(
            name,
            help=summary,
            description="\n".join([summary, more]).strip(),
            epilog=verb.USAGE.text(),
        )
        verb.arguments(added)
        added.set_defaults(run=verb.run)
    return root


def overview() -> Parser:
    """Return a parser that knows the verbs, but not their arguments: it imports none of them."""
    root, verbs = _root()
    for name in VERBS:
        verbs.add_parser(name, help=_summary(name))
    return root


def _root() -> tuple[Parser, Any]:
    root = Overview(prog="router", usage="router [--version] COMMAND …")
    root.add_argument("--version", action="version", version=f"fiberwise-router {__version__}")
    verbs = root.add_subparsers(
        dest="verb", required=True, metavar="COMMAND", prog="router", parser_class=Parser
    )
    return root, verbs


def _summary(verb: str) -> str:
    """The first line of the verb's file, read without importing it."""
    file = Path(__file__).with_name(f"{_name(verb).rpartition('.')[2]}.py")
    with file.open(encoding="utf-8") as source:
        return source.readline().strip().strip('"')


def _module(name: str) -> ModuleType:
    return import_module(_name(name))


def _name(verb: str) -> str:
    return f"router.cli.{verb}{'_' * iskeyword(verb)}"


def main(arguments: Sequence[str] | None = None, begin: Begin = None) -> int:
    """Run one verb and return its exit code. `begin` is called when the verb is imported."""
    _prepare_streams()
    if ASKED in os.environ:
        _complete()
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    verb = given[0] if given and given[0] in VERBS else None
    as_json = "--json" in given
    try:
        code = _told(given, verb, begin, as_json)
        sys.stdout.flush()  # the reader may be gone
    except KeyboardInterrupt as error:
        code = exit_code(error)
        if str(error):
            complain(str(error))
    except OSError as error:
        code = 1
        _tell_os_error(error, as_json)
    return code


def _complete() -> NoReturn:
    from router.cli.completing import answer, verb_asked

    verb = verb_asked(VERBS)
    answer(parser(verb) if verb else overview())
    raise SystemExit  # it has ended the process


def _told(given: Sequence[str], verb: str | None, begin: Begin, as_json: bool) -> int:
    """Run a verb and tell what users can mend."""
    wrong_use = WRONG_USE
    try:
        if verb:
            wrong_use = getattr(_module(verb), "WRONG_USE", WRONG_USE)
        return _run(given, verb, begin)
    except (UsageError, Failed, SetupError) as error:
        _tell(error, as_json)
        return wrong_use if isinstance(error, UsageError) else 1


def _run(given: Sequence[str], verb: str | None, begin: Begin) -> int:
    if not given:
        raise UsageError("no command is given", where="router", hint="`router --help` lists all")
    try:
        args = (parser(verb) if verb else overview()).parse_args(given)
    except SystemExit as error:  # after help or the version
        return int(bool(error.code))
    if begin:
        begin()
    code: int = args.run(args)
    return code


def _tell(error: UsageError | Failed | SetupError, as_json: bool) -> None:
    complain(str(error))
    if as_json:
        print_error(error)


def _tell_os_error(error: OSError, as_json: bool) -> None:
    """Tell of a full disk and of what cannot be used; of a reader that is gone, nothing."""
    if error.errno in (EPIPE, ENOSPC):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the remaining output
        if error.errno == ENOSPC:
            complain(f"cannot write the whole output: {error.strerror}")
        return
    where = str(error.filename) if error.filename else None
    why = error.strerror or " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__
    _tell(Failed(f"cannot use {where}: {why}" if where else why, where=where), as_json)


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
