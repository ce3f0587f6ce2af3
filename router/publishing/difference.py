"""What a push would change, shown before it does."""

from __future__ import annotations

from rich.console import Console

from router.cli.console import out, print_difference, say


def show_difference(before: bytes | None, after: bytes, to: Console = out) -> None:
    """`before` is what is live, None if nothing is."""
    if before is None:
        say("nothing was published before", to=to)
    else:
        print_difference(before, after, "published", "new", to)
