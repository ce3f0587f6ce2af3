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
from rich.markup import escape
from rich.table import Table

from policies.language.findings import Finding
from policies.language.load import Loaded, load

out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


class UsageError(Exception):
    """The command was called the wrong way (exit code 2)."""


class Failed(Exception):
    """The command could not do what it was asked to (exit code 1)."""


def complain(message: str) -> None:
    _err.print(f"[bold red]router:[/] {escape(message)}")


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        shown.add_column(heading)
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    out.print(shown)


def read_file(name: str) -> bytes:
    """A file's bytes; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None


def print_findings(file: str, findings: Iterable[Finding]) -> None:
    """As compilers do it: file:line:column, then what is wrong, then how to mend it."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"{file}:{finding.line}:{finding.column}"
        out.print(
            f"[bold]{escape(place)}[/] [{colour}]{finding.severity}[/] "
            f"[dim]{finding.code}[/] {escape(finding.path)}: {escape(finding.message)}"
        )
        out.print(f"    [cyan]hint:[/] {escape(finding.hint)}")


def load_valid(file: str) -> tuple[bytes, Loaded]:
    """A policy that must be valid; its findings are printed if it is not."""
    data = read_file(file)
    loaded = load(data)
    if loaded.policy is None:
        print_findings(file, loaded.findings)
        raise Failed(f"{file} is not valid ({len(loaded.findings)} findings)")
    return data, loaded
