"""Watch a rollout until it ends.

On a terminal the view is redrawn; elsewhere a line is printed for each change, as in a log.
Exit code 0: the rollout has succeeded; 1: it was rolled back, or it is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from router.api.client import AdminClient
from router.cli.rollout_asking import one_of
from router.cli.rollout_lines import lines
from router.cli.rollout_texts import STATES, line_text, verdict_text
from router.cli.watch import Watched, watch
from router.signals import exit_code
from router.terminal.console import err, print_json_line, say
from router.terminal.times import clock, time_of

if TYPE_CHECKING:
    from policies.api.rollouts import OneRollout, Rollout

CODES = {"succeeded": 0, "rolled-back": 1, "held": 1}


def watch_rollout(client: AdminClient, begun: Rollout, as_json: bool) -> int:
    """Return the exit code. `begun`: the rollout when watching began; older states are ignored."""
    watched = Watched(
        lambda: one_of(client, begun["name"]),
        _lines,
        _Log(as_json).tell,
        lambda page: None if _is_older(page["rollout"], begun) else _code(page["rollout"]),
    )
    try:
        return watch(watched, redraw=not as_json)
    except KeyboardInterrupt as error:
        say(f"stopped watching; {begun['name']} continues", to=err)
        return exit_code(error)


def _lines(page: OneRollout) -> Iterator[Text]:
    return lines(page["rollout"], time_of(page["at"]) or datetime.now(UTC))


def _code(rollout: Rollout) -> int | None:
    return CODES.get(rollout["state"])


def _is_older(rollout: Rollout, begun: Rollout) -> bool:
    """Return whether an isolate still shows the state before the rollout was started."""
    now, then = time_of(rollout["since"]), time_of(begun["since"])
    return bool(then and (now is None or now < then))


class _Log:
    """Prints changes only."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._told = ("", "")

    def tell(self, page: OneRollout) -> None:
        rollout = page["rollout"]
        news = line_text(rollout), verdict_text(rollout)
        if news == self._told:
            return
        if self._as_json:
            print_json_line(page)
        else:
            self._print(page, *news)
        self._told = news

    def _print(self, page: OneRollout, line: str, verdict: str) -> None:
        at = f"{clock(page['at'])} UTC", "dim"
        if verdict and verdict != self._told[1]:
            say(at, f"  analysis {verdict}")
        if line != self._told[0]:
            say(at, "  ", (line, STATES.get(page["rollout"]["state"], "")))
