"""Create, hash and check API keys.

`new ID` prints a new key once, with the lines for `auth.keys`. `hash` and `check FILE` read a
key from standard input, so that it appears in no shell history and no list of processes.
"""

from __future__ import annotations

import getpass
import hmac
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from hashlib import sha256

from pydantic_core import PydanticCustomError

from policies.access.authenticate import PRESENTABLE, Denied, Keys, Needs, authenticate
from policies.language.compile.compile import compile_policy
from policies.language.values.keys import read_scope
from policies.language.values.values import read_name
from router.cli.project import env_argument, policy_env
from router.cli.usage import ENV, Example, Usage
from router.dev.secrets import new_key
from router.terminal.console import print_json, say
from router.terminal.errors import Failed, UsageError
from router.terminal.files import load_valid

PEPPER = "ROUTER_KEY_PEPPER"
USAGE = Usage(
    examples=(
        Example("router keys new shop --scope jobs:write", "a new key, and the lines to paste"),
        Example("router keys check routes.yaml < key.txt", "whose key this is"),
    ),
    exits={0: "done; `check`: the key is valid", 1: "failure; `check`: the key is not valid"},
    variables=(*ENV, "ROUTER_ALLOW_PRIVATE", "ROUTER_KEY_PEPPER"),
)


def arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", required=True, metavar="new | hash | check")
    new = verbs.add_parser("new", help="print a new key and the YAML to paste")
    new.add_argument("id", metavar="ID", help="the name of the client")
    new.add_argument("--scope", action="append", default=[], dest="scopes", metavar="S")
    hashing = verbs.add_parser("hash", help="print the hash of a key, read from standard input")
    check = verbs.add_parser(
        "check", help="show which client a key belongs to, read from standard input"
    )
    check.add_argument("file", metavar="FILE", help="the policy")
    check.add_argument("--scope", action="append", default=[], dest="scopes", metavar="S")
    env_argument(check)
    for verb in (new, hashing):
        verb.add_argument(
            "--pepper", action="store_true", help=f"hash with hmac_sha256 and the secret {PEPPER}"
        )
    for verb in (new, hashing, check):
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(args: Namespace) -> int:
    return {"new": _new, "hash": _hash, "check": _check}[args.action](args)


def _new(args: Namespace) -> int:
    for read, values in ((read_name, [args.id]), (read_scope, args.scopes)):
        for value in values:
            try:
                read(value)
            except PydanticCustomError as error:
                hint = (error.context or {})["hint"]
                raise UsageError(f"{error.message()}: {hint}") from None
    key = new_key()
    field, hashed = _hashed(key, args.pepper)
    if args.json:
        print_json({"id": args.id, "key": key, field: hashed, "scopes": args.scopes})
        return 0
    say(("key", "bold"), "   ", (key, "green"))
    say("      It is shown only once. Give it to the client; the policy gets its hash.")
    say()
    say("auth:")
    say("  keys:")
    say(f"    - id: {args.id}")
    say(f"      {field}: {hashed}")
    if args.scopes:
        say(f"      scopes: [{', '.join(args.scopes)}]")
    return 0


def _hash(args: Namespace) -> int:
    field, hashed = _hashed(_read_key(), args.pepper)
    if args.json:
        print_json({field: hashed})
    else:
        say(f"{field}: {hashed}")
    return 0


def _check(args: Namespace) -> int:
    """Return 0 if the key is valid now, else 1."""
    _, loaded = load_valid(args.file, policy_env(args, args.file))
    if loaded.policy is None:
        return 1
    keys = Keys(compile_policy(loaded.policy, loaded.digest).auth)
    needs = Needs(frozenset(args.scopes), forward=False)
    headers = {keys.names[0]: _read_key()}
    if keys.names[0] == "authorization":
        headers["authorization"] = f"Bearer {headers['authorization']}"
    pepper = os.environ.get(PEPPER, "").encode()
    found = authenticate(keys, needs, headers, time.time() * 1000, pepper)
    denied = isinstance(found, Denied)
    name = found.key_id if isinstance(found, Denied) else found.key.id
    reason = found.reason if isinstance(found, Denied) else "valid"
    if args.json:
        scopes = [] if isinstance(found, Denied) else sorted(found.key.scopes)
        print_json({"valid": not denied, "reason": reason, "id": name or None, "scopes": scopes})
    else:
        say((reason, "red" if denied else "green"), f" key of {name}" if name else " key")
        if keys.needs_pepper and not pepper and reason == "unknown":
            say(f"    hint: some keys are hashed with {PEPPER}, which is not set here")
    return 1 if denied else 0


def _hashed(key: str, peppered: bool) -> tuple[str, str]:
    """Return the name and the value of the policy's field."""
    if not peppered:
        return "sha256", sha256(key.encode()).hexdigest()
    pepper = os.environ.get(PEPPER, "")
    if not pepper:
        raise Failed(f"{PEPPER} is not set: `--pepper` needs that secret of the Worker")
    return "hmac_sha256", hmac.new(pepper.encode(), key.encode(), "sha256").hexdigest()


def _read_key() -> str:
    """Read a line, from a terminal without echo or from standard input, without its line end."""
    if sys.stdin.isatty():
        key = getpass.getpass("key: ")
    else:
        key = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not PRESENTABLE.fullmatch(key):
        raise UsageError(
            "this is not a key: a key has 1 to 512 visible ASCII characters, no comma or space"
        )
    return key
