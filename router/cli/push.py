"""Publish a policy: show the difference, write it to KV, and wait until a router serves it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from policies.language.load import Loaded
from router.cli.places import agree_of, console_of, publish_arguments, publisher_of, told_as_json
from router.cli.project import layout_of, policy_env
from router.cli.usage import ASKING, AT_CLOUDFLARE, Example, Usage
from router.dev.guards import Kind, objections
from router.dev.layout import Layout
from router.publishing.base import BY_GIT, base_by_git, given_base
from router.publishing.deployed import read_with_deployed
from router.publishing.history import SHORT
from router.publishing.publish import Order, Publisher
from router.publishing.write import PolicyChange
from router.terminal.console import complain, counted, say
from router.terminal.errors import Failed
from router.terminal.files import load_valid, overlay_of, policy_name

USAGE = Usage(
    examples=(
        Example("router push routes.yaml", "to `router dev` on this machine"),
        Example("router push routes.yaml --remote --note 'canary to 20%'", "to Cloudflare"),
        Example("router push routes.yaml --remote --base git --yes --json", "from CI"),
    ),
    exits={0: "live, and served by the router that was waited for", 1: "not live"},
    variables=(*ASKING, "ROUTER_ADMIN_KEY", *AT_CLOUDFLARE),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
    publish_arguments(parser)
    parser.add_argument(
        "--base",
        metavar="DIGEST|FILE|git",
        help="push only if this policy is live; `git`: only if a version of FILE in git, up to "
        "HEAD, is live (default: what this clone last pulled or pushed)",
    )
    parser.add_argument("--force", action="store_true", help="push whatever policy is live")


def run(args: Namespace) -> int:
    by_git = args.base == BY_GIT
    base = given_base(args.base) if args.base is not None and not by_git else ""
    to = console_of(args)

    def push() -> dict[str, Any]:
        env = policy_env(args, args.file)
        # Where nothing but `router dev` sees the policy, that decides what it sends.
        data, loaded = load_valid(args.file, env, allow_private=not args.remote)
        change = PolicyChange(data, loaded, args.note)
        name = policy_name(args.file, env)
        say(("valid", "green"), f" {name}, digest {loaded.digest[:SHORT]}", to=to)
        with publisher_of(args) as publisher:
            if args.remote:
                _guard(layout_of(args), args.file, loaded, publisher)
            seen = read_with_deployed(publisher.place, publisher.edge)
            known = base or publisher.place.base.read()
            if by_git and not args.force:
                known = base_by_git(args.file, overlay_of(args.file, env), seen)
            order = Order(args.file, "" if args.force else known, agree_of(args))
            return publisher.publish(change, order, seen)

    code = told_as_json(args, push)
    if code == 0 and not args.remote:
        local = "Only `router dev` on this machine sees it; --remote pushes to Cloudflare."
        say((local, "dim"), to=to)
    return code


def _guard(layout: Layout, file: str, loaded: Loaded, publisher: Publisher) -> None:
    """Refuse what must not go to production; a variant without binding is only told."""
    if loaded.policy is None:
        return
    found = objections(loaded.policy, file, layout.config, layout.config_name)
    for objection in found:
        if objection.kind is Kind.UNBOUND:
            publisher.reporter.tell(("warning", "yellow"), f" {objection.message}")
    refused = [objection.message for objection in found if objection.kind is not Kind.UNBOUND]
    for message in refused:
        complain(message)
    if refused:
        raise Failed(f"not pushed: {counted(len(refused), 'reason')} above")
