"""Convert Kubernetes Gateway API manifests to a policy.

The policy goes to standard output, findings about what was not carried over to standard error.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from pydantic_core import PydanticCustomError

from policies.gateway.convert import Imported, convert
from policies.language.load import digest_of
from policies.language.values.values import read_hostname
from router.cli.usage import Example, Usage
from router.terminal.console import counted, err, print_json, say
from router.terminal.errors import UsageError
from router.terminal.files import print_findings, read_file

USAGE = Usage(
    examples=(
        Example(
            "router import gateway.yaml httproutes.yaml -o routes.yaml --force",
            "manifests to a policy",
        ),
        Example("kubectl get httproutes,gateways -A -o yaml | router import -", "of a cluster"),
    ),
    exits={0: "all of it", 1: "something was left out; the rest is printed all the same"},
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="manifests: routes, Gateways and their policies, - for standard input",
    )
    parser.add_argument(
        "--hostname",
        metavar="HOST",
        action="append",
        default=[],
        help="a host of Gateways that are not among the files ('*': every host), for routes "
        "without hostnames; may be repeated",
    )
    parser.add_argument(
        "--output", "-o", metavar="FILE", help="write the policy to FILE, not to standard output"
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE if it exists")
    parser.add_argument("--json", action="store_true", help="policy and findings as JSON")


def run(args: Namespace) -> int:
    target = Path(args.output) if args.output else None
    if target and target.exists() and not args.force:
        raise UsageError(f"{target} exists; --force overwrites it")
    if args.files.count("-") > 1:
        raise UsageError("standard input can be read only once")
    hosts = [_host(text) for text in args.hostname]
    imported = convert([(name, read_file(name)) for name in args.files], hosts)
    if target and imported.text is not None:
        _write(target, imported.text)
    if args.json:
        print_json(_document(imported))
    else:
        if not target and imported.text is not None:
            sys.stdout.write(imported.text)
        _tell(imported, args.output or "")
    return 0 if imported.whole else 1


def _host(text: str) -> str:
    """Return the hostname, or "" for `*`."""
    if text == "*":
        return ""
    try:
        return read_hostname(text)
    except PydanticCustomError as error:
        raise UsageError(
            f"--hostname: {error.message()}; {(error.context or {})['hint']}"
        ) from None


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None


def _document(imported: Imported) -> dict[str, object]:
    """Return the document of `validate --json`, with the file of each finding and the policy."""
    return {
        "valid": imported.text is not None,
        "whole": imported.whole,
        "digest": digest_of((imported.text or "").encode()) if imported.text else None,
        "findings": [
            {"file": reported.file, **asdict(reported.finding)} for reported in imported.findings
        ],
        "policy": imported.text,
    }


def _tell(imported: Imported, target: str) -> None:
    for reported in imported.findings:
        print_findings(reported.file, [reported.finding], to=err)
    errors = sum(reported.finding.severity == "error" for reported in imported.findings)
    warnings = len(imported.findings) - errors
    what = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    if imported.text is None:
        say(("nothing imported", "red"), f": {what}", to=err)
        return
    where = f" to {target}" if target else ""
    counts = f"{counted(imported.routes, 'route')}, {counted(imported.variants, 'variant')}"
    word = ("imported", "green") if imported.whole else ("imported in part", "yellow")
    say(word, f"{where}: {counts}; {what}", to=err)
