"""Reads the files that commands take, and prints the findings about a policy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from policies.language.findings.findings import FileFinding, Finding
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
        place = f"{file_of(finding, file)}:{finding.line}:{finding.column}"
        what = f" {finding.path}: {finding.message}"
        said = (place, "bold"), " ", (finding.severity, colour), " ", (finding.code, "dim"), what
        say(*said, to=to)
        say("    ", ("hint:", "cyan"), f" {finding.hint}", to=to)


def may_be_private() -> bool:
    """Whether policies may have URLs in private networks, as on one's own machine."""
    return bool(os.environ.get(ALLOW_PRIVATE))


def file_of(finding: Finding, file: str) -> str:
    """The file that a finding is about, of a policy that is called `file`."""
    return finding.file if isinstance(finding, FileFinding) else file


def overlay_of(file: str, env: str) -> str | None:
    """`routes.staging.yaml` for `routes.yaml`, if it is there. Standard input has no overlay: it is
    a whole policy."""
    if not env or file == "-":
        return None
    overlay = overlay_path(file, env)
    return overlay if os.path.isfile(overlay) else None


def overlay_path(file: str, env: str) -> str:
    stem, suffix = os.path.splitext(file)  # os.path takes any name, unlike pathlib
    return f"{stem}.{env}{suffix}"


def load_policy(
    file: str,
    env: str = "",
    now_ms: float | None = None,
    *,
    allow_private: bool | None = None,
) -> tuple[bytes, Loaded]:
    """Load a policy, with its environment's overlay if there is one. Returns what is published:
    the file's bytes, or the text of both laid together. `allow_private`: whether URLs may lead into
    private networks; None: as the shell's variable says."""
    lifted = may_be_private() if allow_private is None else allow_private
    data, overlay = read_file(file), overlay_of(file, env)
    if overlay is None:
        return data, load(data, now_ms, allow_private=lifted)
    from policies.overlays.load import NamedText, load_overlaid  # only environments need it

    texts = NamedText(file, data), NamedText(overlay, read_file(overlay))
    both = load_overlaid(*texts, now_ms, allow_private=lifted)
    return both.data, both.loaded


def policy_name(file: str, env: str) -> str:
    """The policy's name in messages."""
    overlay = overlay_of(file, env)
    return file if overlay is None else f"{file} with {overlay}"


def not_valid(file: str, findings: Sequence[Finding]) -> Failed:
    """The error of a file with findings; its JSON has them all."""
    return Failed(
        f"{file} is not valid ({counted(len(findings), 'finding')})",
        where=file,
        details={"findings": [asdict(finding) for finding in findings]},
    )


def load_valid(
    file: str, env: str = "", *, allow_private: bool | None = None
) -> tuple[bytes, Loaded]:
    """Load a policy that must be valid. Prints its findings and raises Failed if it is not."""
    data, loaded = load_policy(file, env, allow_private=allow_private)
    if loaded.policy is None:
        print_findings(file, loaded.findings, err)
        raise not_valid(policy_name(file, env), loaded.findings)
    return data, loaded
