"""Check a policy and report all errors and warnings.

A policy with warnings is valid; they point at likely mistakes. With `--strict` they are
failures.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from router.cli.project import env_argument, policy_env
from router.cli.usage import ENV, Example, Usage
from router.terminal.console import counted, err, out, print_json, say
from router.terminal.errors import UsageError
from router.terminal.files import load_policy, policy_name, print_findings

USAGE = Usage(
    examples=(
        Example("router validate routes.yaml", "errors and warnings, each with a hint"),
        Example("router validate routes.yaml --strict --json", "for CI: warnings fail, too"),
    ),
    exits={0: "valid", 1: "findings; with --strict also warnings"},
    variables=(*ENV, "ROUTER_ALLOW_PRIVATE"),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.add_argument("--strict", action="store_true", help="fail on warnings, too")
    parser.add_argument(
        "--print", action="store_true", help="print a valid policy as it is with its overlay"
    )
    env_argument(parser)


def run(args: Namespace) -> int:
    if args.print and args.json:
        raise UsageError("standard output can hold the policy or JSON: leave out --print or --json")
    env = policy_env(args, args.file)
    data, loaded = load_policy(args.file, env, time.time() * 1000)
    name = policy_name(args.file, env)
    valid = loaded.policy is not None
    failed = not valid or (args.strict and bool(loaded.findings))
    if args.json:
        findings = [asdict(finding) for finding in loaded.findings]
        print_json({"valid": valid, "digest": loaded.digest, "findings": findings})
        return int(failed)
    to = err if args.print else out
    print_findings(args.file, loaded.findings, to)
    if args.print and valid:
        sys.stdout.buffer.write(data)
    count = counted(len(loaded.findings), "warning" if valid else "finding")
    if loaded.policy:
        policy = loaded.policy
        pools = {variant.pool for variant in policy.variants.values()}
        named = (policy.routes, "route"), (policy.variants, "variant"), (pools, "pool")
        told = ", ".join(counted(len(each), noun) for each, noun in named)
        say(("valid", "green"), f" {name}: {told}, digest {loaded.digest[:12]}", to=to)
        if failed:
            say(("refused", "red"), f" {name}: {count}, and --strict allows none", to=to)
        return int(failed)
    say(("not valid", "red"), f" {name}: {count}", to=to)
    return 1
