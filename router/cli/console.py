"""Terminal output of the commands: tables, findings, one-line errors.

`rich` adds colours, except in files, in pipes and with `NO_COLOR`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from policies.language.findings import Finding
from policies.language.load import Loaded, load

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class UsageError(Exception):
    """Wrong usage of the command (exit code 2)."""


class Failed(Exception):
    """The command failed (exit code 1)."""


def complain(message: str) -> None:
    say(("router:", "bold red"), f" {message}", to=err)


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


def columns(rows: Iterable[Sequence[Part]], right: Container[int] = ()) -> Iterator[Text]:
    """Yield aligned lines, each column as wide as its widest cell. `right`: the indices of the
    columns that are aligned to the right."""
    cells = [[(part, "") if isinstance(part, str) else part for part in row] for row in rows]
    widths = [max(len(text) for text, _ in column) for column in zip(*cells, strict=True)]
    for row in cells:
        parts: list[Part] = []
        for index, (text, style) in enumerate(row):
            side = ">" if index in right else "<"
            width = widths[index] if index < len(row) - 1 else 0
            parts += [(f"{text:{side}{width}}", style), "  "]
        line = line_of(*parts)
        line.rstrip()
        yield line


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print two columns; the second is never truncated."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        say((f"{name:<{width}}", "bold"), f"  {text}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; no cell is truncated, however narrow the terminal is."""
    for line in columns([[(each, "bold") for each in head], *rows]):
        out.print(line)


def read_file(name: str) -> bytes:
    """Return the bytes of a file; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer.read()
    if not name:
        raise UsageError("the name of a file is empty")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None


def print_findings(file: str, findings: Iterable[Finding], to: Console = out) -> None:
    """Print findings as compilers do: file:line:column, the message, and a hint."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"{file}:{finding.line}:{finding.column}"
        what = f" {finding.path}: {finding.message}"
        said = (place, "bold"), " ", (finding.severity, colour), " ", (finding.code, "dim"), what
        say(*said, to=to)
        say("    ", ("hint:", "cyan"), f" {finding.hint}", to=to)


def print_difference(before: bytes, after: bytes, old: str, new: str, to: Console = out) -> None:
    """Print a unified diff; `old` and `new` are the names of the two texts."""
    was, now = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in unified_diff(was, now, old, new, lineterm=""):
        say((line, colours.get(line[0], "")), to=to)


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


ADMIN_SECRET = "secret"  # the router's name for it, in place of the id of an API key


def caller_text(by: str) -> str:
    """Return who sent a command to the router: the admin secret, or the id of an API key."""
    return "the admin secret" if by == ADMIN_SECRET else by


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def load_valid(file: str) -> tuple[bytes, Loaded]:
    """Load a policy that must be valid. Prints its findings and raises Failed if it is not."""
    data = read_file(file)
    loaded = load(data)
    if loaded.policy is None:
        print_findings(file, loaded.findings, err)
        raise Failed(f"{file} is not valid ({counted(len(loaded.findings), 'finding')})")
    return data, loaded
