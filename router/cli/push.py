"""Publish a policy: show the difference, write it to KV, and wait until a router serves it.

Exit code 0: it is live, and the router that was waited for serves it; 1: it is not.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from policies.language.load import Loaded
from policies.language.model.bindings import bindings_of
from router.cli.places import agree_of, console_of, publish_arguments, publisher_of, told_as_json
from router.dev.layout import Layout, SetupError, find_root
from router.dev.published_keys import refusal
from router.publishing.base import BY_GIT, base_by_git, given_base
from router.publishing.history import SHORT
from router.publishing.publish import Order, Publisher
from router.publishing.published import read
from router.publishing.write import Change
from router.terminal.console import say
from router.terminal.files import load_valid


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
        # Where nothing but `router dev` sees the policy, that decides what it sends.
        data, loaded = load_valid(args.file, allow_private=not args.remote)
        change = Change(data, loaded, args.note)
        say(("valid", "green"), f" {args.file}, digest {loaded.digest[:SHORT]}", to=to)
        with publisher_of(args) as publisher:
            if args.remote:
                _refuse_published_keys(loaded)
                _warn_of_unbound(Layout(find_root()), loaded, publisher)
            seen = read(publisher.place.kv)
            known = base or publisher.place.base.read()
            if by_git and not args.force:
                known = base_by_git(args.file, seen)
            order = Order(args.file, "" if args.force else known, agree_of(args))
            return publisher.publish(change, order, seen)

    code = told_as_json(args, push)
    if code == 0 and not args.remote:
        local = "Only `router dev` on this machine sees it; --remote pushes to Cloudflare."
        say((local, "dim"), to=to)
    return code


def _refuse_published_keys(loaded: Loaded) -> None:
    why = refusal(loaded.policy) if loaded.policy else None
    if why:
        raise SetupError(why)


def _warn_of_unbound(layout: Layout, loaded: Loaded, publisher: Publisher) -> None:
    services = layout.read_toml(layout.wrangler_toml).get("services", ())
    bound = {service["binding"] for service in services}
    for name, binding in (bindings_of(loaded.policy) if loaded.policy else {}).items():
        if binding not in bound:
            what = f" wrangler.toml has no service binding {binding}: "
            effect = f"requests for variant {name} will get status 502"
            if name.startswith("check "):
                effect = f"{name} will get no answer, and its rollout will not move on"
            publisher.reporter.tell(("warning", "yellow"), what, effect)
