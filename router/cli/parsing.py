"""argparse, as people expect it: one line for a mistake, with the nearest name.

A verb, sub-verb or option that does not exist is answered with the one that was probably meant.
Options are never abbreviated, so a new option breaks no script.
"""

from __future__ import annotations

from argparse import PARSER, Action, ArgumentError, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, NoReturn

from router.terminal.errors import UsageError

WIDTH = 100


class Parser(ArgumentParser):
    """`error` raises UsageError."""

    def __init__(self, *args: Any, **more: Any) -> None:
        formatter = partial(RawDescriptionHelpFormatter, width=WIDTH)
        super().__init__(*args, **{"formatter_class": formatter, "allow_abbrev": False, **more})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        self._refuse_unknown(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{self.prog.removeprefix('router ')}: {message}",
            where=self.prog,
            hint=f"`{self.prog} --help` shows how",
        )

    def _refuse_unknown(self, args: Iterable[str]) -> None:
        """Before anything else is missed: the option may be what is missing."""
        for arg in args:
            if arg == "--" or (self._subparsers and not arg.startswith("-")):
                return  # what follows are values, or a sub-verb's
            name = arg.partition("=")[0]
            is_long = name.startswith("--") and " " not in arg
            if is_long and name not in self._option_string_actions:
                raise self.unknown("option", name, self.options)

    @property
    def options(self) -> list[str]:
        return [name for name in self._option_string_actions if name.startswith("--")]

    def _check_value(self, action: Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            if action.nargs == PARSER:  # a verb
                raise self.unknown("command", str(value), names)
            hint = nearest(str(value), names, f"write {' or '.join(names)}")
            raise ArgumentError(action, f"there is no `{value}`: {hint}")

    def unknown(self, kind: str, given: str, names: Sequence[str]) -> UsageError:
        message = f"{self.prog} has no {kind} `{given[:80]}`"
        hint = nearest(given, names, f"`{self.prog} --help` lists all")
        return UsageError(message, where=self.prog, hint=hint)


def nearest(given: str, names: Sequence[str], otherwise: str) -> str:
    """The hint for a name that does not exist."""
    found = get_close_matches(given, names, n=1)
    return f"did you mean `{found[0]}`?" if found else otherwise
