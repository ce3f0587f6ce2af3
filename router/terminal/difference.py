"""Shows what a push would change, before it is written: the text, and its meaning."""

from __future__ import annotations

from difflib import unified_diff

from policies.difference.difference import Side, difference
from policies.language.compile.compile import compile_policy
from policies.language.load import Loaded, load
from router.terminal.console import Output, out, say
from router.terminal.diff_lines import (
    behaviour_document,
    change_document,
    print_behaviour,
    print_changes,
)


def print_difference(before: bytes, after: bytes, old: str, new: str, to: Output = out) -> None:
    """Print a unified diff; `old` and `new` are the names of the two texts."""
    was, now = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in unified_diff(was, now, old, new, lineterm=""):
        say((line, colours.get(line[0], "")), to=to)


def show_difference(before: bytes | None, after: bytes, to: Output = out) -> None:
    """`before` is the live policy, None if there is none."""
    if before is None:
        say("nothing was published before", to=to)
        return
    if before == after:
        say("no difference", to=to)
        return
    print_difference(before, after, "published", "new", to)
    old, new = (_side(load(each, allow_private=True)) for each in (before, after))
    if old is None or new is None:
        say(("the published policy is not valid by the current rules", "yellow"), to=to)
        return
    changes = difference(old, new).changes
    if changes:
        documents = [change_document(change) for change in changes]
        print_changes(documents, "the new one", "the published policy", to)
        print_behaviour(behaviour_document(changes), to)
    else:
        say("no difference in meaning; only the formatting differs", to=to)


def _side(loaded: Loaded) -> Side | None:
    if loaded.policy is None:
        return None
    return Side(loaded.policy, compile_policy(loaded.policy, loaded.digest))
