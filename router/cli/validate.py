"""Check a policy and report all errors and warnings.

A policy with warnings is valid; they point at likely mistakes. With `--strict` they are
failures.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from policies.language.load import load
from router.cli.usage import Example, Usage
from router.terminal.console import counted, print_json, say
from router.terminal.files import may_be_private, print_findings, read_file

USAGE = Usage(
    examples=(
        Example("router validate routes.yaml", "errors and warnings, each with a hint"),
        Example("router validate routes.yaml --strict --json", "for CI: warnings fail, too"),
    ),
    exits={0: "valid", 1: "findings; with --strict also warnings"},
    variables=("ROUTER_ALLOW_PRIVATE",),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.add_argument("--strict", action="store_true", help="fail on warnings, too")


def run(args: Namespace) -> int:
    loaded = load(read_file(args.file), time.time() * 1000, allow_private=may_be_private())
    valid = loaded.policy is not None
    failed = not valid or (args.strict and bool(loaded.findings))
    if args.json:
        findings = [asdict(finding) for finding in loaded.findings]
        print_json({"valid": valid, "digest": loaded.digest, "findings": findings})
        return int(failed)
    print_findings(args.file, loaded.findings)
    count = counted(len(loaded.findings), "warning" if valid else "finding")
    if loaded.policy:
        policy = loaded.policy
        pools = {variant.pool for variant in policy.variants.values()}
        named = (policy.routes, "route"), (policy.variants, "variant"), (pools, "pool")
        told = ", ".join(counted(len(each), noun) for each, noun in named)
        say(("valid", "green"), f" {args.file}: {told}, digest {loaded.digest[:12]}")
        if failed:
            say(("refused", "red"), f" {args.file}: {count}, and --strict allows none")
        return int(failed)
    say(("not valid", "red"), f" {args.file}: {count}")
    return 1
