"""Show what a policy changes, compared with the live policy, another file or environment."""

from __future__ import annotations

import gc
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from policies.compiled.policy import CompiledPolicy
from policies.difference.difference import Difference, Side, difference
from policies.difference.traffic.log import BadLine, read_log
from policies.difference.traffic.outcomes import Judge, TrafficRequest
from policies.difference.traffic.sample import Sample
from policies.difference.traffic.traffic import Traffic, logged
from policies.language.compile.compile import compile_policy
from policies.language.load import Loaded, load
from router.cli.live import Live, live_arguments, live_policy
from router.cli.project import env_name, env_of, policy_env
from router.cli.usage import AT_CLOUDFLARE, ENV, Example, Usage
from router.cli.worker_secrets import surroundings_here
from router.terminal.console import err, print_json, say
from router.terminal.diff_lines import (
    behaviour_document,
    change_document,
    print_behaviour,
    print_changes,
    print_text_difference,
    print_traffic,
)
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid, overlay_of, policy_name, print_findings, read_file

WRONG_USE = 1  # since 2 means that there are differences
DIFFERENT = 2
MAX_SAMPLE = 100_000
PROGRESS_EVERY = 50_000  # lines of a log
USAGE = Usage(
    examples=(
        Example("router diff routes.yaml", "what a push to `router dev` would change"),
        Example("router diff routes.yaml --remote --json", "the same, with Cloudflare's KV"),
        Example("router diff routes.yaml base.yaml --sample 1000", "two files, with more requests"),
    ),
    exits={0: "no difference", 1: "failure or wrong usage", 2: "differences"},
    variables=(
        *ENV,
        *("ROUTER_ALLOW_PRIVATE", "ROUTER_ADMIN_KEY", "ROUTER_KEY_PEPPER"),
        *AT_CLOUDFLARE,
    ),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    parser.add_argument(
        "other",
        metavar="OTHER",
        nargs="?",
        help="a file to compare with, instead of the live policy",
    )
    live_arguments(parser)
    parser.add_argument(
        "--with-env",
        metavar="E",
        type=env_name,
        help="compare with FILE as it is in environment E ('' for the top level)",
    )
    requests = parser.add_mutually_exclusive_group()
    requests.add_argument(
        "--log",
        metavar="FILE",
        help="compare with the requests of this log, one JSON object per line",
    )
    requests.add_argument(
        "--sample", metavar="N", type=_number, help="compare with N generated requests per route"
    )
    parser.add_argument("--json", action="store_true", help="all differences as JSON")


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SAMPLE:
        raise ArgumentTypeError(f"`{text}` is not a number from 1 to {MAX_SAMPLE:,}")
    return int(text)


def run(args: Namespace) -> int:
    elsewhere = args.local or args.remote or args.url is not None or args.persist_to
    if args.other is not None and elsewhere:
        raise UsageError("OTHER is a file: leave out --local, --remote, --url and --persist-to")
    if args.with_env is not None and (args.other is not None or elsewhere):
        raise UsageError("--with-env compares FILE with itself: leave out OTHER and any place")
    if [args.file, args.other, args.log].count("-") > 1:
        raise UsageError("standard input can be read only once")
    gc.disable()  # both policies are needed to the end, so a collection would find nothing
    try:
        env = policy_env(args, args.file)
        data, loaded = load_valid(args.file, env)
        other = _other(args)
        before = load(other.data, allow_private=True) if other.data not in (None, data) else loaded
        document = _document(args, other, before, loaded)
    finally:
        gc.enable()
    if args.json:
        print_json(document)
    else:
        _print(policy_name(args.file, env), other, data, before, document)
    return 0 if document["same"] else DIFFERENT


def _other(args: Namespace) -> Live:
    """Return the policy that FILE is compared with."""
    if args.with_env is not None:
        env = policy_env(Namespace(env=args.with_env), args.file)
        called = f"{policy_name(args.file, env)}" + (f" ({env})" if env else " (top level)")
        return Live(load_valid(args.file, env)[0], called)
    if args.other is None:
        return live_policy(args)
    env = env_of(args)
    if overlay_of(args.other, env) is None:
        return Live(read_file(args.other), args.other)
    return Live(load_valid(args.other, env)[0], policy_name(args.other, env))


def _document(args: Namespace, other: Live, before: Loaded, after: Loaded) -> dict[str, Any]:
    """Return the result; it is printed as JSON or as text."""
    there = other.data is not None
    document: dict[str, Any] = {
        "same": there and before.digest == after.digest,
        "digests": {"before": before.digest if there else None, "after": after.digest},
        "changes": [],
        "behaviour": [],
        "traffic": None,
    }
    if before.policy is None:
        document["findings"] = [asdict(finding) for finding in before.findings]
    elif there and not document["same"]:
        found, traffic = _compare(args, before, after)
        document["same"] = not found.changes
        document["changes"] = [change_document(change) for change in found.changes]
        document["behaviour"] = behaviour_document(found.changes)
        document["traffic"] = traffic.document()
    return document


def _compare(args: Namespace, before: Loaded, after: Loaded) -> tuple[Difference, Traffic]:
    if before.policy is None or after.policy is None:
        raise Failed("only valid policies can be compared")
    old = Side(before.policy, compile_policy(before.policy, before.digest))
    new = Side(after.policy, compile_policy(after.policy, after.digest))
    found = difference(old, new)
    now = time.time() * 1000
    if args.log is None:
        return found, Sample(old, new, found.renamed, now).ask(args.sample)
    around = surroundings_here(now)
    judges = (
        Judge(CompiledPolicy(old.tables), around, found.renamed),
        Judge(CompiledPolicy(new.tables), around, {}),
    )
    try:
        return found, logged(*judges, _log(args.log))
    except BadLine as error:
        raise Failed(f"{args.log}:{error.line}: {error.message}") from None


def _log(name: str) -> Iterator[TrafficRequest]:
    """Yield the requests of a log; prints the progress through a long one."""
    for number, request in enumerate(read_log(read_file(name).splitlines()), 1):
        yield request
        if number % PROGRESS_EVERY == 0:
            say((f"{number:,} requests compared", "dim"), to=err)


def _print(file: str, other: Live, data: bytes, before: Loaded, document: dict[str, Any]) -> None:
    if other.data is None:
        say("nothing is published in ", (other.place, "bold"), f": all of {file} is new")
        return
    digests = document["digests"]
    say(("--- ", "red"), f"{other.place}, digest {digests['before'][:12]}")
    say(("+++ ", "green"), f"{file}, digest {digests['after'][:12]}")
    if before.policy is None:
        say((f"{other.place} holds no valid policy; the difference of the texts:", "yellow"))
        print_findings(other.place, before.findings, err)
        print_text_difference(other.data, data)
    elif document["same"]:
        spelt = "" if digests["before"] == digests["after"] else "; only the formatting differs"
        say(("no difference", "green"), spelt)
    else:
        print_changes(document["changes"], file, other.place)
        print_traffic(document["traffic"])
        say()
        print_behaviour(document["behaviour"])
