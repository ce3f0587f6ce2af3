"""Write the final weights of a finished rollout into the policy file.

Exit code 0: the file has the final weights; 1: this failed, and the file is unchanged.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policies.language.load import load
from policies.overlays.load import NamedText, load_overlaid
from router.api.client import AdminClient
from router.cli.project import client_for, policy_env
from router.cli.rollout_asking import one_of
from router.cli.rollout_texts import FINISHED
from router.dev.files import write_if_changed
from router.settle.settling import FileRollout, WeightChange, find_rollout, settle, shares
from router.settle.weights import ALL
from router.terminal.console import agreed, complain, err, print_json, say
from router.terminal.difference import print_difference
from router.terminal.errors import Failed, UsageError
from router.terminal.files import (
    load_valid,
    may_be_private,
    not_valid,
    overlay_of,
    policy_name,
    print_findings,
    read_file,
)

if TYPE_CHECKING:
    from policies.api.rollouts import Rollout

FILE = "routes.yaml"
MANY_BYTES = 256 * 1024  # more takes seconds, so progress is shown
ENDS = {"promote": ALL, "rollback": Decimal(0)}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--file", default=FILE, metavar="FILE", help=f"the policy (default: {FILE})"
    )
    parser.add_argument(
        "--to", choices=ENDS, help="the result to write, instead of asking a router"
    )
    parser.add_argument(
        "--remove", action="store_true", help="also remove the rollout from the file"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")
    parser.add_argument("--yes", action="store_true", help="skip the prompt")


def run(args: Namespace) -> int:
    if args.file == "-":
        raise UsageError("--file cannot be standard input: name the file to change")
    data, _ = load_valid(args.file)
    rollout = find_rollout(data, args.name)
    percent = ENDS[args.to] if args.to else _outcome(client_for(args), rollout)
    wanted = shares(data, rollout, percent)
    if len(data) > MANY_BYTES:
        say((f"locating the values of {args.file}…", "dim"), to=err)
    settled = settle(data, rollout, wanted, args.remove)
    _refuse_invalid(args.file, settled)
    _refuse_overridden(args.file, policy_env(args, args.file), settled, wanted)
    is_new = settled != data
    if not args.json:
        print_difference(data, settled, args.file, f"{args.file} settled")
    writes = is_new and not args.dry_run
    if writes and not agreed(f"Write this to {args.file}?", args.yes):
        complain("nothing was written")
        return 1
    if writes:
        _write(Path(args.file), settled)
    if args.json:
        print_json(_document(args.file, rollout, wanted, is_new, writes))
    else:
        _tell(args.file, rollout, is_new, writes)
    return 0


def _outcome(client: AdminClient, rollout: FileRollout) -> Decimal | None:
    """Return the final percentage of the router's rollout; None if the policy's weights apply."""
    with client:
        served: Rollout = one_of(client, rollout.name)["rollout"]
    if served["state"] not in FINISHED:
        raise Failed(
            f"{rollout.name} is not finished ({served['state']}): wait for its end, "
            "or choose the result with --to promote or --to rollback"
        )
    theirs = sorted(served["routes"]), served["from"], served["to"]
    if theirs != (sorted(rollout.routes), rollout.before, rollout.after):
        raise Failed(
            f"{rollout.name} in this file differs from the router's in its routes or pools: "
            "settle the file that was pushed, or choose the result with --to"
        )
    return None if served["weight"] is None else Decimal(str(served["weight"]))


def _refuse_invalid(file: str, settled: bytes) -> None:
    loaded = load(settled, allow_private=may_be_private())
    if loaded.policy is None:
        print_findings(file, loaded.findings, err)
        raise Failed(f"the settled {file} would not be valid; it is unchanged")


def _refuse_overridden(file: str, env: str, settled: bytes, wanted: list[WeightChange]) -> None:
    """An environment's overlay may say other weights than the file has by then."""
    overlay = overlay_of(file, env)
    if overlay is None:
        return
    both = load_overlaid(
        NamedText(file, settled),
        NamedText(overlay, read_file(overlay)),
        allow_private=may_be_private(),
    )
    if both.loaded.policy is None:
        raise not_valid(policy_name(file, env), both.loaded.findings)
    splits = {route.name: route.split or {} for route in both.loaded.policy.routes}
    for each in wanted:
        share = splits.get(each.route, {}).get(each.pool)
        if share is None or Decimal(str(share.weight)) != each.new:
            weight = f"{each.pool}: {each.new}"
            raise Failed(
                f"{overlay} says what route {each.route} sends to {each.pool}: write there "
                f"`split: {{ {weight} }}`; {file} is unchanged"
            )


def _write(path: Path, settled: bytes) -> None:
    """Write the file atomically; links and the file's mode are kept."""
    path = path.resolve()
    try:
        write_if_changed(path, settled, path.stat().st_mode & 0o777)
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}") from None


def _document(
    file: str, rollout: FileRollout, wanted: list[WeightChange], is_new: bool, written: bool
) -> dict[str, Any]:
    routes: dict[str, dict[str, dict[str, float]]] = {}
    for share in wanted:
        weights = {"before": float(share.old), "after": float(share.new)}
        routes.setdefault(share.route, {})[share.pool] = weights
    document = {"file": file, "rollout": rollout.name, "routes": routes}
    return document | {"changed": is_new, "written": written}


def _tell(file: str, rollout: FileRollout, is_new: bool, written: bool) -> None:
    if not is_new:
        say(f"{file} has these weights already: nothing to change")
    elif not written:
        say("dry run: nothing was written")
    else:
        say(("settled", "green"), f" {rollout.name} in {file}")
        say((f"Publish it with `router push {file}`.", "dim"))
