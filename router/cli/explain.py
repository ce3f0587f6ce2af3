"""Explain where a request would go, and why, step by step.

Without FILE, the running router is asked: it answers by the policy that serves now, with the health
of its variants and the weights of its rollouts.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from policies.balancing.availability import availability_without
from policies.compiled.policy import CompiledPolicy
from policies.http.request import Client
from policies.language.compile.compile import compile_policy
from policies.proxy.explain.explain import Explanation, explain
from policies.proxy.explain.question import NotExplainable, read_question
from router.api.client import URL, Refused
from router.cli.project import client_for, env_argument, policy_env
from router.cli.usage import ASKING, Example, Usage
from router.cli.worker_secrets import surroundings_here
from router.publishing.history import SHORT
from router.terminal.console import err, print_json, say
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid
from router.terminal.tables import pairs

if TYPE_CHECKING:
    from policies.api.status import ServingPolicy

SOURCES = {
    "kv": "from KV",
    "last-good": "the last valid one of KV",
    "bundled": "uploaded with the router",
}

USAGE = Usage(
    examples=(
        Example("router explain --url https://api.example.com/", "as `router dev` decides now"),
        Example("router explain routes.yaml --url https://api.example.com/", "as a file says"),
        Example(
            "router explain routes.yaml --url https://api.example.com/ -X POST -H 'x-worker-id: w7'"
            " --country FR --continent EU --down production-eu",
            "a client in France, while a variant is out of service",
        ),
    ),
    exits={0: "explained", 1: "the policy is not valid, or the router does not answer"},
    variables=(
        *ASKING,
        *("ROUTER_ADMIN_KEY", "ROUTER_ALLOW_PRIVATE", "ROUTER_KEY_PEPPER"),
    ),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="the policy, - for standard input (default: that of the running router)",
    )
    parser.add_argument(
        "--router",
        metavar="U",
        help=f"without FILE, the router to ask (default: ROUTER_URL, router.toml, or {URL})",
    )
    parser.add_argument("--url", required=True, help="the absolute URL of the request")
    parser.add_argument("--method", "-X", default="GET", metavar="M")
    parser.add_argument(
        "-H", "--header", action="append", default=[], metavar="'Name: value'", dest="headers"
    )
    parser.add_argument("--country", default="", metavar="CC", help="the client's country")
    parser.add_argument("--continent", default="", metavar="CC", help="the client's continent")
    parser.add_argument(
        "--colo", default="", metavar="COLO", help="the Cloudflare location, such as FRA"
    )
    parser.add_argument("--ip", default="", metavar="A", help="the client's IP address")
    parser.add_argument(
        "--down",
        action="append",
        default=[],
        metavar="VARIANT",
        help="treat this variant as out of service",
    )
    parser.add_argument("--json", action="store_true", help="the whole decision as JSON")
    env_argument(parser)


def run(args: Namespace) -> int:
    if args.file is not None and args.router is not None:
        raise UsageError("--router asks a running router: leave it out, or leave out FILE")
    explanation = _asked(args) if args.file is None else _decided(args)
    if args.json:
        print_json(explanation)
    else:
        _print(explanation)
    return 0


def _decided(args: Namespace) -> Explanation:
    """By a policy in a file, with all variants in service."""
    _, loaded = load_valid(args.file, policy_env(args, args.file))
    if loaded.policy is None:
        raise Failed(f"{args.file} is not valid", where=args.file)
    policy = CompiledPolicy(compile_policy(loaded.policy, loaded.digest))
    try:
        headers = read_question(policy, args.url, args.headers, args.down)
    except NotExplainable as error:
        raise UsageError(str(error)) from None
    client = Client(args.ip, args.colo, args.country, args.continent)
    around = surroundings_here(time.time() * 1000)._replace(
        availability=availability_without(args.down)
    )
    return explain(policy, args.method, args.url, headers, client, around)


def _asked(args: Namespace) -> Explanation:
    """By the policy of a running router, which is named on standard error."""
    request = {"url": args.url, "method": args.method, "header": args.headers, "down": args.down}
    client_fields = {name: getattr(args, name) for name in ("country", "continent", "colo", "ip")}
    with client_for(Namespace(url=args.router, env=args.env)) as client:
        policy: ServingPolicy = client.get("status")["policy"]
        try:
            explanation: Explanation = client.get("explain", **request, **client_fields)
        except Refused as error:
            if error.code != "bad-request":
                raise
            raise UsageError(str(error.document.get("detail")), where=client.url) from None
        origin = f" of {client.url}: digest {policy['digest'][:SHORT]}, {SOURCES[policy['source']]}"
    say(("the live policy", "bold"), origin, to=err)
    return explanation


def _print(explanation: Explanation) -> None:
    pairs((step["step"], step["text"]) for step in explanation["steps"])
    say()
    if explanation["variant"]:
        say(("forwarded", "green"), " to variant ", (explanation["variant"], "bold"))
    elif explanation["answer"]:
        say(("answered", "yellow"), f" by the router with status {explanation['status']}")
    else:
        say(("answered", "yellow"), " by the router itself")
