"""Polls a router and shows its state: redrawn on a terminal, line by line elsewhere.

It goes on after a failure, which may pass, but not after a refusal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from rich.console import Group
from rich.live import Live
from rich.text import Text

from router.api.client import Refused
from router.terminal.console import complain, line_of, out
from router.terminal.errors import Failed

EVERY_S = 2.0
Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Watched(Generic[Seen]):
    """What to watch. `code` returns the exit code at the end, else None."""

    ask: Callable[[], Seen]
    lines: Callable[[Seen], Iterable[Text]]
    tell: Callable[[Seen], None]
    code: Callable[[Seen], int | None]


def watch(watched: Watched[Seen], redraw: bool) -> int:
    """Watch to the end. Returns the exit code; the caller handles Ctrl-C."""
    if not (redraw and out.rich.is_terminal):
        return _until_the_end(watched, watched.tell, complain)
    with Live(console=out.rich, auto_refresh=False) as live:

        def draw(lines: Iterable[Text]) -> None:
            live.update(_on_screen(lines), refresh=True)

        return _until_the_end(
            watched,
            lambda seen: draw(watched.lines(seen)),
            lambda error: draw([line_of((error, "bold red"))]),
        )


def _until_the_end(
    watched: Watched[Seen], show: Callable[[Seen], None], trouble: Callable[[str], None]
) -> int:
    reported = ""
    while True:
        try:
            seen = watched.ask()
        except Failed as error:
            if isinstance(error, Refused) and error.status < 500:
                raise
            if str(error) != reported:  # a log needs each error once
                trouble(reported := str(error))
        else:
            reported = ""
            show(seen)
            code = watched.code(seen)
            if code is not None:
                return code
        time.sleep(EVERY_S)


def _on_screen(lines: Iterable[Text]) -> Group:
    """Return lines that do not wrap: a wrapped line would be redrawn in the wrong place."""
    shown = [line_of((f"{datetime.now():%H:%M:%S}", "dim")), *lines]
    for line in shown:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*shown)
