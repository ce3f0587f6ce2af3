"""What commands say to people: tables, findings, one-line complaints.

Colours come from `rich`, which leaves them out for files, pipes and `NO_COLOR`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from policies.language.findings import Finding
from policies.language.load import Loaded, load

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class UsageError(Exception):
    """The command was called the wrong way (exit code 2)."""


class Failed(Exception):
    """The command could not do what it was asked to (exit code 1)."""


def complain(message: str) -> None:
    say(("router:", "bold red"), f" {message}", to=err)


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def say(*parts: str | tuple[str, str], to: Console = out) -> None:
    """A line of texts, each with a style or without; control characters are shown, not sent."""
    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append("".join(c if c.isprintable() else repr(c)[1:-1] for c in text), style)
    to.print(line)


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Two columns; what stands in the second is never cut."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        say((f"{name:<{width}}", "bold"), f"  {text}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """As many columns as `head` has; nothing is cut, however narrow the terminal is."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))

    say((line(head).rstrip(), "bold"))
    for row in rows:
        say(line(row).rstrip())


def read_file(name: str) -> bytes:
    """A file's bytes; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None


def print_findings(file: str, findings: Iterable[Finding], to: Console = out) -> None:
    """As compilers do it: file:line:column, then what is wrong, then how to mend it."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"{file}:{finding.line}:{finding.column}"
        what = f" {finding.path}: {finding.message}"
        said = (place, "bold"), " ", (finding.severity, colour), " ", (finding.code, "dim"), what
        say(*said, to=to)
        say("    ", ("hint:", "cyan"), f" {finding.hint}", to=to)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def load_valid(file: str) -> tuple[bytes, Loaded]:
    """A policy that must be valid; its findings are complained about if it is not."""
    data = read_file(file)
    loaded = load(data)
    if loaded.policy is None:
        print_findings(file, loaded.findings, err)
        raise Failed(f"{file} is not valid ({counted(len(loaded.findings), 'finding')})")
    return data, loaded
