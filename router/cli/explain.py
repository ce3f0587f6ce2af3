"""Explain where a request would go, and why, step by step."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from policies.balancing.availability import availability_without
from policies.compiled.policy import CompiledPolicy
from policies.http.request import Client
from policies.language.compile.compile import compile_policy
from policies.proxy.explain.explain import Explanation, explain
from policies.proxy.explain.question import NotExplainable, read_question
from router.cli.project import env_argument, policy_env
from router.cli.usage import ENV, Example, Usage
from router.cli.worker_secrets import surroundings_here
from router.terminal.console import print_json, say
from router.terminal.errors import UsageError
from router.terminal.files import load_valid
from router.terminal.tables import pairs

USAGE = Usage(
    examples=(
        Example("router explain routes.yaml --url https://api.example.com/", "one request"),
        Example(
            "router explain routes.yaml --url https://api.example.com/ -X POST -H 'x-worker-id: w7'"
            " --country FR --continent EU --down production-eu",
            "a client in France, while a variant is out of service",
        ),
    ),
    exits={0: "explained", 1: "the policy is not valid"},
    variables=(*ENV, "ROUTER_KEY_PEPPER", "ROUTER_ADMIN_KEY"),
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the policy, - for standard input")
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
    _, loaded = load_valid(args.file, policy_env(args, args.file))
    if loaded.policy is None:
        return 1
    policy = CompiledPolicy(compile_policy(loaded.policy, loaded.digest))
    try:
        headers = read_question(policy, args.url, args.headers, args.down)
    except NotExplainable as error:
        raise UsageError(str(error)) from None
    client = Client(args.ip, args.colo, args.country, args.continent)
    around = surroundings_here(time.time() * 1000)._replace(
        availability=availability_without(args.down)
    )
    told = explain(policy, args.method, args.url, headers, client, around)
    if args.json:
        print_json(told)
    else:
        _print(told)
    return 0


def _print(told: Explanation) -> None:
    pairs((step["step"], step["text"]) for step in told["steps"])
    say()
    if told["variant"]:
        say(("forwarded", "green"), " to variant ", (told["variant"], "bold"))
    elif told["answer"]:
        say(("answered", "yellow"), f" by the router with status {told['status']}")
    else:
        say(("answered", "yellow"), " by the router itself")
