"""Terminal output of the commands: lines, JSON, one-line errors, prompts.

`rich` adds colours, except in files, in pipes and with `NO_COLOR`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    say(("router:", "bold red"), f" {message}", to=err)


def warn(message: str) -> None:
    say(("warning", "yellow"), f" {message}", to=err)


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def print_json_line(document: Any) -> None:
    """Print one line of JSON and flush it, for programs that read while a command watches."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


Part = str | tuple[str, str]  # a text, or a text with its style


def say(*parts: Part, to: Console = out, end: str = "\n") -> None:
    to.print(line_of(*parts), end=end)


def line_of(*parts: Part) -> Text:
    """Return one line of the parts; control characters are escaped."""
    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append("".join(c if c.isprintable() else repr(c)[1:-1] for c in text), style)
    return line


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
