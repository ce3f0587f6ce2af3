"""What a push would change, shown before it does."""

from __future__ import annotations

from difflib import unified_diff

from rich.console import Console

from router.cli.console import out, say

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def show_difference(before: bytes | None, after: bytes, to: Console = out) -> None:
    """`before` is what is live, None if nothing is."""
    if before is None:
        say("nothing was published before", to=to)
        return
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (before, after))
    for line in unified_diff(old, new, "published", "new", lineterm=""):
        say((line, COLOURS.get(line[0], "")), to=to)
