"""Check a policy and tell everything that is wrong with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from rich.markup import escape

from policies.language.load import load
from router.cli.console import out, print_findings, print_json, read_file


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(args: Namespace) -> int:
    loaded = load(read_file(args.file))
    valid = loaded.policy is not None
    if args.json:
        findings = [asdict(finding) for finding in loaded.findings]
        print_json({"valid": valid, "digest": loaded.digest, "findings": findings})
        return 0 if valid else 1
    print_findings(args.file, loaded.findings)
    if loaded.policy:
        policy = loaded.policy
        pools = {variant.pool for variant in policy.variants.values()}
        out.print(
            f"[green]valid[/] {escape(args.file)}: {len(policy.routes)} routes, "
            f"{len(policy.variants)} variants in {len(pools)} pools, digest {loaded.digest[:12]}"
        )
        return 0
    count = len(loaded.findings)
    out.print(f"[red]not valid[/] {escape(args.file)}: {count} finding{'s' * (count != 1)}")
    return 1
