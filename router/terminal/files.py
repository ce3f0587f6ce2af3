"""Reads the files that commands take, and prints the findings about a policy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from policies.language.findings.findings import Finding
from policies.language.load import Loaded, load
from router.terminal.console import Output, counted, err, out, say
from router.terminal.errors import Failed, UsageError

ALLOW_PRIVATE = "ROUTER_ALLOW_PRIVATE"  # as the Worker's variable of that name


def read_file(name: str) -> bytes:
    """Return the bytes of a file; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer.read()
    if not name:
        raise UsageError("the name of a file is empty")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}", where=name) from None


def print_findings(file: str, findings: Iterable[Finding], to: Output = out) -> None:
    """Print findings as compilers do: file:line:column, the message, and a hint."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"{file}:{finding.line}:{finding.column}"
        what = f" {finding.path}: {finding.message}"
        said = (place, "bold"), " ", (finding.severity, colour), " ", (finding.code, "dim"), what
        say(*said, to=to)
        say("    ", ("hint:", "cyan"), f" {finding.hint}", to=to)


def may_be_private() -> bool:
    """Whether policies may have URLs in private networks, as on one's own machine."""
    return bool(os.environ.get(ALLOW_PRIVATE))


def not_valid(file: str, findings: Sequence[Finding]) -> Failed:
    """The error of a file with findings; its JSON has them all."""
    return Failed(
        f"{file} is not valid ({counted(len(findings), 'finding')})",
        where=file,
        details={"findings": [asdict(finding) for finding in findings]},
    )


def load_valid(file: str, *, allow_private: bool | None = None) -> tuple[bytes, Loaded]:
    """Load a policy that must be valid. Prints its findings and raises Failed if it is not.
    `allow_private`: whether URLs may lead into private networks; None: as the environment says."""
    data = read_file(file)
    lifted = may_be_private() if allow_private is None else allow_private
    loaded = load(data, allow_private=lifted)
    if loaded.policy is None:
        print_findings(file, loaded.findings, err)
        raise not_valid(file, loaded.findings)
    return data, loaded
