"""Terminal output of the commands: lines, JSON, one-line errors, prompts.

`rich` adds colours, except in files, in pipes and with `NO_COLOR`. It takes a while to import, so
plain lines do without it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")  # variables with which rich colours pipes, too


class Error(Protocol):
    """What is printed of an error."""

    message: str
    where: str | None
    hint: str | None
    details: Mapping[str, object]


class Output:
    """Standard output, or standard error."""

    def __init__(self, stderr: bool) -> None:
        self._stderr = stderr

    @cached_property
    def rich(self) -> Console:
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is coloured, whatever rich would be asked."""
        stream = sys.stderr if self._stderr else sys.stdout
        return not stream.isatty() and not any(os.environ.get(name) for name in FORCED)

    def write(self, text: str) -> None:
        print(text, end="", file=sys.stderr if self._stderr else sys.stdout)


out = Output(stderr=False)
err = Output(stderr=True)


def complain(message: str) -> None:
    say(("router:", "bold red"), f" {message}", to=err)


def warn(message: str) -> None:
    say(("warning", "yellow"), f" {message}", to=err)


def print_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def print_json_line(document: object) -> None:
    """Print one line of JSON and flush it, for programs that read while a command watches."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_error(error: Error) -> None:
    """Print an error as one line of JSON, also after lines of a command that watches."""
    print_json_line(error_document(error))


def error_document(error: Error) -> dict[str, object]:
    document = {"error": error.message, "where": error.where, "hint": error.hint}
    return {**document, **error.details}


Part = str | tuple[str, str]  # a text, or a text with its style


def say(*parts: Part, to: Output = out, end: str = "\n") -> None:
    if to.is_plain:
        to.write("".join(shown(text) for text, _ in styled(parts)) + end)
    else:
        to.rich.print(line_of(*parts), end=end)


def line_of(*parts: Part) -> Text:
    """Return one line of the parts; control characters are escaped."""
    from rich.text import Text

    line = Text()
    for text, style in styled(parts):
        line.append(shown(text), style)
    return line


def styled(parts: Iterable[Part]) -> Iterator[tuple[str, str]]:
    return ((part, "") if isinstance(part, str) else part for part in parts)


def shown(text: str) -> str:
    """The text with its control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def agreed(question: str, yes: bool) -> bool:
    """Ask for confirmation. Skips the prompt with `--yes` or without a terminal."""
    if yes or not sys.stdin.isatty():
        return True
    say(question, " [y/N] ", to=err, end="")
    try:
        answer = input()
    except EOFError:
        answer = ""
    return answer.strip().lower() in ("y", "yes")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
