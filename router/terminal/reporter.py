"""Reports the progress of a push on a console."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from router.terminal.console import Output, Part, line_of, say, warn
from router.terminal.difference import show_difference

TELL_EVERY_S = 15.0


class ConsoleReporter:
    """Prints progress to the console `to`, and warnings to standard error."""

    def __init__(self, to: Output) -> None:
        self.to = to

    def tell(self, *parts: Part) -> None:
        say(*parts, to=self.to)

    def warn(self, message: str) -> None:
        warn(message)

    def difference(self, before: bytes | None, after: bytes) -> None:
        show_difference(before, after, self.to)

    @contextmanager
    def waiting(self) -> Iterator[Callable[[str], None]]:
        """Show the state in a line that changes; without a terminal, print it every
        `TELL_EVERY_S`."""
        next_told = time.monotonic() + TELL_EVERY_S
        with self.to.rich.status("") as line:

            def heard(text: str) -> None:
                nonlocal next_told
                line.update(line_of(text))
                if not self.to.rich.is_terminal and time.monotonic() >= next_told:
                    next_told = time.monotonic() + TELL_EVERY_S
                    self.tell((text, "dim"))

            yield heard
